// `drawbridge servers`, `restart` and `logs`: the servers behind the bridge.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Server } from '@drawbridge/schemas';
import { homeOf, withBridge } from './connect.ts';
import { CommandFailure } from '../failure.ts';
import { type BridgeCommandOptions, parseCount, withBridgeOptions } from '../options.ts';
import {
  type Colors,
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  printTable,
  toPlain,
  withSpinner,
} from '../terminal.ts';

export function addServersCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('servers')
      .summary('list the servers and their states')
      .description(
        'Lists the servers behind the bridge. A stopped server starts with the first call that needs it.',
      ),
  ).action(async (options: BridgeCommandOptions) => {
    await withBridge(terminal, options, async (client) => {
      const { servers, pendingSettings } = await client.serverList();
      if (options.json === true) printJson(terminal.stdout, servers);
      else printServers(servers, terminal);
      if (pendingSettings !== undefined) {
        printLine(terminal.stderr, toPlain(pendingSettings.message));
      }
    });
  });
}

export function addRestartCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('restart')
      .summary('restart a server')
      .description('Stops a server and starts it anew; calls under way on it fail.')
      .argument('<server>', 'its name as `drawbridge servers` lists it'),
  ).action(async (name: string, options: BridgeCommandOptions) => {
    await withBridge(terminal, options, async (client) => {
      const server = await withSpinner(terminal, `Restarting ${name}`, () => client.restart(name));
      if (options.json === true) printJson(terminal.stdout, server ?? { name });
      else printLine(terminal.stdout, `${name} was restarted${server ? `: ${server.state}` : ''}.`);
    });
  });
}

export function addLogsCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('logs')
      .summary('show what a server wrote to stderr')
      .description(
        'Shows the last lines that a server wrote to stderr; without a server, the log of a bridge that runs in the background.',
      )
      .argument('[server]', 'its name as `drawbridge servers` lists it')
      .option('-n, --lines <count>', 'how many lines', parseCount, 200),
  ).action(
    async (
      name: string | undefined,
      options: BridgeCommandOptions & { readonly lines: number },
    ) => {
      const lines =
        name === undefined
          ? await readBridgeLog(homeOf(terminal, options))
          : await withBridge(terminal, options, (client) => client.logs(name));
      const last = lines.slice(-options.lines);
      if (options.json === true) printJson(terminal.stdout, last);
      else for (const line of last) printLine(terminal.stdout, toPlain(line));
    },
  );
}

/** Where a bridge that a client started in passing writes its log. */
export function bridgeLogPath(home: string): string {
  return join(home, 'logs', 'bridge.log');
}

async function readBridgeLog(home: string): Promise<string[]> {
  const path = bridgeLogPath(home);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`There is no log at ${path} (${error.code}).`, {
      hint: 'A bridge started in a terminal writes its log there. `drawbridge logs SERVER` shows a server’s.',
      cause: error,
    });
  });
  // Its beginning may lie in the file before, which a full one became.
  const before = await readFile(`${path}.1`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return (before + text).trimEnd().split('\n');
}

/** One line a server; also used by the start's banner. */
export function printServers(
  servers: readonly (Pick<Server, 'name' | 'state' | 'lastError' | 'transport'> &
    Partial<Pick<Server, 'toolCount' | 'withheldCount' | 'notes'>>)[],
  terminal: Terminal,
  indent = '',
): void {
  const colors = colorsFor(terminal, terminal.stdout);
  printTable(
    terminal.stdout,
    servers.map(({ name, state, toolCount, withheldCount = 0, lastError, transport }) => [
      indent + name,
      colorState(state, colors),
      transport,
      (toolCount === undefined ? '' : `${toolCount} tools`) +
        (withheldCount === 0 ? '' : colors.yellow(`, ${withheldCount} withheld`)),
      colors.dim(toPlain(lastError ?? '').split('\n')[0] ?? ''),
    ]),
  );
  for (const { name, notes = [], withheldCount = 0 } of servers) {
    for (const note of notes) printLine(terminal.stdout, `${indent}${name}: ${toPlain(note)}`);
    if (withheldCount > 0) {
      const text = `${indent}${name}: \`drawbridge allow ${name}\` shows what is withheld`;
      printLine(terminal.stdout, colors.dim(text));
    }
  }
}

function colorState(state: string, colors: Colors): string {
  switch (state) {
    case 'ready':
      return colors.green(state);
    case 'starting':
    case 'degraded':
      return colors.yellow(state);
    case 'broken':
      return colors.red(state);
    default:
      return colors.dim(state);
  }
}
