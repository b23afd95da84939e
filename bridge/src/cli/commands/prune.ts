// `drawbridge prune`: removes old runs now instead of within the hour, or says which would go.
import { type Command, InvalidArgumentError } from 'commander';
import { formatBytes, formatCount } from '../units.ts';
import type { Removal } from '@drawbridge/schemas';
import { withBridge } from './connect.ts';
import { type BridgeCommandOptions, withBridgeOptions } from '../options.ts';
import { type Terminal, printJson, printLine, printTable, withSpinner } from '../terminal.ts';

type PruneOptions = BridgeCommandOptions & {
  readonly olderThan?: number;
  readonly dryRun?: boolean;
};

export function addPruneCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('prune')
      .summary('remove old runs from the log')
      .description(
        'Removes ended runs with their events and bodies, a day at a time. A day in which a run began that is still open stays, with those after it. A running bridge does this by itself every hour, as `retention` in the settings says.',
      )
      .option(
        '--older-than <days>',
        'how long runs are kept, such as 30d; by default as the settings say',
        parseDays,
      )
      .option('--dry-run', 'only say what would go'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge prune --older-than 7d --dry-run`,
    )
    .action(async ({ olderThan, dryRun = false, ...options }: PruneOptions) => {
      await withBridge(terminal, options, async (client) => {
        const removal = await withSpinner(terminal, 'Looking', () =>
          client.prune({ olderThanDays: olderThan, dryRun }),
        );
        if (options.json === true) printJson(terminal.stdout, removal);
        else print(removal, terminal);
      });
    });
}

function print({ dryRun, days, runs, bytes }: Removal, { stdout }: Terminal): void {
  if (days.length === 0 && runs === 0) {
    printLine(stdout, dryRun ? 'Nothing would go.' : 'There was nothing to remove.');
    return;
  }
  printTable(
    stdout,
    days.map(({ day, bytes }) => [day, formatBytes(bytes)]),
  );
  printLine(
    stdout,
    `${dryRun ? 'Would remove' : 'Removed'} ${formatCount(runs, 'run')} and ${formatCount(days.length, 'day')} of events, ${formatBytes(bytes)}.`,
  );
}

function parseDays(text: string): number {
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days === undefined) throw new InvalidArgumentError('Days such as 30d are needed.');
  return Number(days);
}
