// `drawbridge server NAME`: one of the servers that ship with Drawbridge, alone, for any MCP client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { findPackageRoot, listServers } from '@drawbridge/registry';
import type { Command } from 'commander';
import { toBuiltinCommand } from '../../settings/builtin-server.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';

export function addServerCommand(program: Command): void {
  program
    .command('server')
    .summary('run one of the servers that ship with Drawbridge, alone')
    .description(
      'Runs a server that ships with Drawbridge over stdio (or --http), without a bridge.',
    )
    .argument('<name>', 'such as filesystem')
    .argument('[args...]', 'the server’s own arguments; `drawbridge server NAME --help` lists them')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge server filesystem --root .

  In any MCP client's configuration:
  "filesystem": { "command": "drawbridge", "args": ["server", "filesystem", "--root", "/my/project"] }`,
    )
    .action(async (name: string, args: string[]) => {
      const names = listServers().map(({ id }) => id);
      if (!names.includes(name)) {
        throw new CommandFailure(
          `No server "${name}" ships with Drawbridge; there are: ${names.join(', ')}.`,
          {
            exitCode: EXIT_USAGE,
          },
        );
      }
      const { command, args: start } = toBuiltinCommand(findPackageRoot(), name, args);
      const [file = ''] = start;
      if (file.startsWith('-')) {
        await runChild(command, start);
        return;
      }
      // In this process: a second one in between would cost 50 MB and have to hand on signals.
      process.argv = [command, ...start];
      await import(pathToFileURL(file).href);
      // The server ends by itself when its client is gone.
      await new Promise<never>(() => undefined);
    });
}

/** From sources, which need a loader of their own. */
async function runChild(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const [code] = await once(child, 'exit');
  process.exitCode = typeof code === 'number' ? code : 1;
}
