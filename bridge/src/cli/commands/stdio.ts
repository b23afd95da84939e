// `drawbridge stdio`: what an MCP client starts when it speaks stdio only.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createExchange } from '../../http-client/exchange.ts';
import type { Endpoint } from '../../stdio-proxy/bridge-connection.ts';
import { runStdioProxy } from '../../stdio-proxy/proxy.ts';
import { ROOTS_HEADER, toRootsHeader } from '../../roots-header.ts';
import { loadSecret } from '../../settings/home-secret.ts';
import { assertTrusted, findHome } from '../../settings/homes.ts';
import { type ConnectionOptions, readKey } from './connect.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import { joinBridge } from '../join-bridge.ts';
import { collect, withConfigOption, withHomeOption } from '../options.ts';
import { type Terminal, printLine } from '../terminal.ts';
import { readRunningBridge } from '../../store/home-lock.ts';

type StdioOptions = ConnectionOptions & {
  readonly config?: string;
  readonly root?: string[];
  readonly toolset?: string;
  readonly server?: string;
};

export function addStdioCommand(program: Command, terminal: Terminal): void {
  withConfigOption(
    withHomeOption(
      program
        .command('stdio')
        .summary('serve an MCP client over stdio')
        .description(
          'Joins the bridge of this home, or starts one in the background that leaves when it is idle, and speaks MCP over stdin and stdout.',
        )
        .option(
          '--root <dir>',
          'a folder that this client’s calls may touch besides the project’s (repeatable)',
          collect,
        )
        .option('--toolset <name>', 'only the tools of this toolset')
        .option('--server <name>', 'only this server, under its own names')
        .option('--url <url>', 'a bridge elsewhere ($DRAWBRIDGE_URL)')
        .option(
          '--token <key>',
          'the key to use; by default the home’s member’s ($DRAWBRIDGE_TOKEN)',
        ),
    ),
  )
    .addHelpText(
      'after',
      `
In an MCP client's configuration:
  "drawbridge": { "command": "drawbridge", "args": ["stdio", "--toolset", "code", "--root", "."] }`,
    )
    .action(async (options: StdioOptions) => {
      const exchange = createExchange();
      await runStdioProxy({
        endpoint: createEndpoint(terminal, { ...options, exchange }),
        exchange,
        input: terminal.stdin,
        output: process.stdout,
        onIssue: (issue) => printLine(terminal.stderr, `drawbridge: ${issue}`),
        signal: terminal.signal,
      });
      // Nothing may keep the process once its client is gone.
      process.exit(0);
    });
}

function createEndpoint(
  terminal: Terminal,
  options: StdioOptions & { readonly exchange: ReturnType<typeof createExchange> },
): () => Promise<Endpoint> {
  const { env, cwd, signal } = terminal;
  const found = findHome({ env, cwd, home: options.home });
  const { path: home } = found;
  const given = options.url ?? (env['DRAWBRIDGE_URL'] || undefined);
  if (options.toolset !== undefined && options.server !== undefined) {
    throw new CommandFailure('Choose one of --toolset and --server.', { exitCode: EXIT_USAGE });
  }
  const path =
    options.server !== undefined
      ? `/servers/${encodeURIComponent(options.server)}/mcp`
      : options.toolset !== undefined
        ? `/mcp/${encodeURIComponent(options.toolset)}`
        : '/mcp';
  const roots = (options.root ?? []).map((root) => resolve(cwd, root));

  const givenKey = options.token ?? (env['DRAWBRIDGE_TOKEN'] || undefined);
  return async () => {
    // Where both are given, nothing of a home is read.
    if (given === undefined || givenKey === undefined || roots.length > 0) assertTrusted(found);
    const url =
      given ??
      (await joinBridge({
        home: found,
        config: options.config,
        cwd,
        env,
        signal,
        exchange: options.exchange,
      }));
    const key = givenKey ?? (await readKey(home, 'member-token'));
    const secret = env['DRAWBRIDGE_SECRET'] || undefined;
    const running = given === undefined ? readRunningBridge(home) : undefined;
    return {
      ...(running?.url === url && { instance: `${running.pid} ${running.startedAt}` }),
      url: url.replace(/\/+$/, '') + path,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(roots.length > 0 && {
          [ROOTS_HEADER]: toRootsHeader(
            roots,
            loadSecret({ home, ...(secret !== undefined && { secret }) }),
          ),
        }),
      },
    };
  };
}
