// `drawbridge allow`: lets through what waits for an operator.
import type { Command } from 'commander';
import { allowServer } from './allow-server.ts';
import { type BridgeCommandOptions, withBridgeOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

export function addAllowCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('allow')
      .summary('let through what waits for an operator')
      .description(
        'Shows the definitions of a server that a strict pin withholds, and lets exactly these through.',
      )
      .argument('<server>', 'its name as `drawbridge servers` lists it')
      .option('-y, --yes', 'do not ask'),
  ).action((server: string, options: BridgeCommandOptions & { readonly yes?: boolean }) =>
    allowServer(server, options, terminal),
  );
}
