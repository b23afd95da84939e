// `drawbridge runs`: what was done, from the log.
import type { Run } from '@drawbridge/schemas';
import type { Command } from 'commander';
import { createCallFormatter } from '../call-formatter.ts';
import { withBridge } from './connect.ts';
import { toDateTime } from '../local-time.ts';
import { type BridgeCommandOptions, parseCount, withBridgeOptions } from '../options.ts';
import {
  type Colors,
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  printTable,
  toPlain,
} from '../terminal.ts';

type RunsOptions = BridgeCommandOptions & {
  readonly status?: string;
  readonly kind?: string;
  readonly limit: number;
};

export function addRunsCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('runs')
      .summary('list runs, or show one with its calls')
      .description('Lists runs, newest first; with an id, shows the run and every call in it.')
      .argument('[id]', 'a run')
      .option(
        '--status <status>',
        'queued, working, input_required, completed, failed or cancelled',
      )
      .option('--kind <kind>', 'session, stream, rest, task, replay or bridge')
      .option('-n, --limit <count>', 'how many', parseCount, 20),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge runs --status working
  $ drawbridge runs 0199d7a4-0000-7000-8000-000000000000`,
    )
    .action(async (id: string | undefined, options: RunsOptions) => {
      await withBridge(terminal, options, async (client) => {
        if (id === undefined) {
          const runs = await client.runs(options);
          if (options.json === true) printJson(terminal.stdout, runs);
          else printRuns(runs, terminal);
          return;
        }
        const [run, events] = await Promise.all([client.run(id), client.events(id)]);
        if (options.json === true) {
          printJson(terminal.stdout, { ...run, events });
          return;
        }
        printRuns([run], terminal);
        const formatter = createCallFormatter({
          colors: colorsFor(terminal, terminal.stdout),
          columns: terminal.stdout.columns,
        });
        for (const event of events) {
          for (const line of formatter.tell(event)) printLine(terminal.stdout, line);
        }
        for (const line of formatter.open()) printLine(terminal.stdout, line);
      });
    });
}

function printRuns(runs: readonly Run[], terminal: Terminal): void {
  const colors = colorsFor(terminal, terminal.stdout);
  printTable(
    terminal.stdout,
    runs.map((run) => [
      run.id,
      toDateTime(run.startedAt),
      colorStatus(run.status, colors),
      run.kind,
      `${run.lastSeq} events`,
      toPlain(run.client ?? ''),
      toPlain(run.title),
    ]),
  );
}

function colorStatus(status: Run['status'], colors: Colors): string {
  switch (status) {
    case 'completed':
      return colors.green(status);
    case 'failed':
      return colors.red(status);
    case 'working':
    case 'input_required':
    case 'queued':
      return colors.yellow(status);
    case 'cancelled':
      return colors.dim(status);
    default:
      return status satisfies never;
  }
}
