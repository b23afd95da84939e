// `drawbridge tail`: every call as it happens. A stream that breaks off is taken up again after the
// last event seen, so nothing is missed and nothing told twice.
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { BridgeClient, LiveEvent } from '../bridge-client.ts';
import { createCallFormatter } from '../call-formatter.ts';
import { withBridge } from './connect.ts';
import { CommandFailure } from '../failure.ts';
import { type BridgeCommandOptions, withBridgeOptions } from '../options.ts';
import { type Terminal, colorsFor, printLine } from '../terminal.ts';

type TailOptions = BridgeCommandOptions & {
  readonly run?: string;
  readonly server?: string;
  readonly raw?: boolean;
};

/** A call that takes longer is told when it begins to be long, not only at its end. */
const LONG_CALL_MS = 2_000;
const RECONNECT_MS = 1_000;

export function addTailCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('tail')
      .summary('show calls as they happen')
      .description(
        'Shows each call as it ends: time, run, caller, server and tool, arguments; then how it ended, how long it took, and its result.',
      )
      .option('--run <id>', 'only this run, from its beginning; ends with the run')
      .option('-s, --server <name>', 'only calls of this server')
      .option('--raw', 'every event as one line of JSON (as --json does)'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge tail
  $ drawbridge tail --server filesystem
  $ drawbridge tail --raw | jq 'select(.type == "call.failed")'`,
    )
    .action(async (options: TailOptions) => {
      await withBridge(terminal, options, async (client) => {
        const isRaw = options.raw === true || options.json === true;
        const print = isRaw ? printRaw(terminal) : createPrinter(terminal, options);
        try {
          for await (const live of followOn(client, options, terminal)) print.event(live);
        } finally {
          print.close();
        }
      });
    });
}

/** All events in order, over as many connections as it takes. */
async function* followOn(
  client: BridgeClient,
  { run }: TailOptions,
  terminal: Terminal,
): AsyncGenerator<LiveEvent> {
  const { signal } = terminal;
  let after: string | undefined = run === undefined ? undefined : '0';
  let isConnected = false;
  while (!signal.aborted) {
    try {
      for await (const live of client.follow({ run, after })) {
        isConnected = true;
        after = live.id ?? after;
        yield live;
      }
      if (run !== undefined) return;
    } catch (error) {
      if (signal.aborted) return;
      // The first connection must succeed; later ones are waited for, unless the bridge says no.
      if (!isConnected && after === undefined) throw error;
      if (error instanceof CommandFailure && error.details !== undefined) throw error;
      printLine(terminal.stderr, `The stream broke off (${String(error)}); trying again.`);
    }
    isConnected = true;
    await delay(RECONNECT_MS, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

interface Printer {
  event(live: LiveEvent): void;
  close(): void;
}

function printRaw({ stdout }: Terminal): Printer {
  return {
    event: ({ event }) => printLine(stdout, JSON.stringify(event)),
    close: () => undefined,
  };
}

function createPrinter(terminal: Terminal, { server }: TailOptions): Printer {
  const { stdout } = terminal;
  const colors = colorsFor(terminal, stdout);
  const formatter = createCallFormatter({ colors, columns: stdout.columns, server });
  const print = (lines: readonly string[]) => {
    for (const line of lines) printLine(stdout, line);
  };
  const timer = setInterval(
    () => print(formatter.open(Date.now() - LONG_CALL_MS)),
    LONG_CALL_MS / 2,
  );
  return {
    event: ({ event }) => print(formatter.tell(event)),
    close: () => clearInterval(timer),
  };
}
