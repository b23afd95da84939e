// `drawbridge start`: the bridge itself, and the few lines that say how to reach it.
import { type Command, Option } from 'commander';
import { loadSettingsInForce } from '../../settings/in-force.ts';
import type { LogLevel } from '../../telemetry/logger.ts';
import { takeHomeOver } from '../join-bridge.ts';
import { parseCount, withConfigOption, withHomeOption } from '../options.ts';
import { prepareStart } from '../prepare-start.ts';
import { printServers } from './servers.ts';
import { type Terminal, colorsFor, printLine, startSpinner } from '../terminal.ts';

interface StartOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly home?: string;
  readonly logLevel?: LogLevel;
  readonly detachedIdle?: number;
  readonly allow?: boolean;
  readonly logFile?: string;
}

/** The toolset that clients are shown first: all tools at once would fill a model's context. */
const FIRST_TOOLSET = 'code';

export function addStartCommand(program: Command, terminal: Terminal): void {
  withConfigOption(
    withHomeOption(
      program
        .command('start')
        .summary('start the bridge')
        .description('Starts the bridge and stays until it is told to end (Ctrl+C).')
        .option('--host <address>', 'where to listen ($DRAWBRIDGE_HOST, else 127.0.0.1)')
        .option(
          '-p, --port <port>',
          'on which port ($DRAWBRIDGE_PORT, else 11100); 0 takes any free one',
        )
        .option(
          '--allow',
          'run a settings file that was never allowed, without asking; one that changed waits for `drawbridge allow`',
        ),
    ),
  )
    .addOption(
      new Option(
        '--log-level <level>',
        'how much to log; by default warn on a terminal, else info',
      ).choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    )
    .addOption(
      new Option('--detached-idle <seconds>', 'end after this long without a request')
        .argParser(parseCount)
        .hideHelp(),
    )
    .addOption(
      new Option('--log-file <file>', 'write the log there, 10 MB and one older file').hideHelp(),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge start
  $ drawbridge start --port 0 --config ./mcp.json
  $ DATABASE_URL=postgres://… drawbridge start

Settings come from the environment and mcp.config.json; \`drawbridge doctor\` checks them.`,
    )
    .action(async ({ config, ...options }: StartOptions) => {
      const isTerminal = terminal.stdout.isTTY === true;
      const { env, cwd } = terminal;
      const isDetached = options.detachedIdle !== undefined;
      await prepareStart(terminal, { ...options, config, isDetached });
      const { settings } = loadSettingsInForce({ ...options, env, cwd, configPath: config });
      const { toolsets, home } = settings;
      const spinner = startSpinner(terminal, 'Starting');
      let letJoin = (): void => undefined;
      try {
        const { runBridge } = await import('../../main.ts');
        if (!isDetached && !terminal.signal.aborted)
          letJoin = await takeHomeOver(home, terminal.signal);
        await runBridge({
          ...options,
          signal: terminal.signal,
          configPath: config,
          logLevel: options.logLevel ?? (isTerminal ? 'warn' : undefined),
          onStart: (bridge) => {
            letJoin();
            spinner.stop();
            if (isDetached) return;
            const path = Object.hasOwn(toolsets, FIRST_TOOLSET) ? `/mcp/${FIRST_TOOLSET}` : '/mcp';
            if (isTerminal) {
              printBanner({ url: bridge.url, home, path, key: bridge.keys.member }, terminal);
              printServers(bridge.servers(), terminal, '  ');
              printLine(terminal.stdout, '');
            } else {
              printLine(
                terminal.stderr,
                `Drawbridge answers at ${bridge.url}/mcp; keys lie in ${home}`,
              );
            }
          },
        });
      } finally {
        letJoin();
        spinner.stop();
      }
    });
}

function printBanner(
  bridge: { url: string; home: string; path: string; key: string },
  terminal: Terminal,
): void {
  const { bold, cyan, dim } = colorsFor(terminal, terminal.stdout);
  const entry = {
    mcpServers: {
      drawbridge: {
        type: 'http',
        url: `${bridge.url}${bridge.path}`,
        headers: { Authorization: `Bearer ${bridge.key}` },
      },
    },
  };
  const lines = [
    '',
    `  ${bold('Drawbridge')} is up.`,
    '',
    `  MCP    ${cyan(`${bridge.url}/mcp`)}`,
    `  REST   ${cyan(`${bridge.url}/v1`)}  ${dim(`described at ${bridge.url}/docs`)}`,
    `  Key    ${bridge.home}/token  ${dim('the operator’s; drawbridge token show')}`,
    '',
    `  For an MCP client's configuration ${dim('(a member’s key, a small set of tools; /mcp has all):')}`,
    '',
    JSON.stringify(entry, undefined, 2).replaceAll(/^/gm, '  '),
    '',
  ];
  for (const line of lines) printLine(terminal.stdout, line);
}
