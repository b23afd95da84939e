// The entries of one commit: put together by run for the store, and told afterwards what became of them.
import { setImmediate as turn } from 'node:timers/promises';
import { DrawbridgeError } from '../errors.ts';
import { unknownRun } from './reader.ts';
import type { EventRow, RunBatch, RunRow } from '../store/run-batch.ts';
import type { WrittenRun } from '../store/run-log.ts';

export type RunEnd = 'completed' | 'failed' | 'cancelled';

export interface BatchEntry {
  readonly runId: string;
  readonly open: RunRow | undefined;
  readonly end: RunEnd | undefined;
  readonly event: EventRow;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
  /** Told already. */
  readonly isLate: boolean;
}

/** The entries of one run in a batch, in order. */
export interface RunEntries<T> {
  readonly runId: string;
  readonly entries: T[];
}

const TOLD_AT_ONCE = 32;

export function groupByRun<T extends BatchEntry>(entries: readonly T[]): readonly RunEntries<T>[] {
  const runs = new Map<string, RunEntries<T>>();
  for (const entry of entries) {
    const run = runs.get(entry.runId);
    if (run === undefined) runs.set(entry.runId, { runId: entry.runId, entries: [entry] });
    else run.entries.push(entry);
  }
  return [...runs.values()];
}

export function toBatch({ runId, entries }: RunEntries<BatchEntry>): RunBatch {
  const open = entries[0]?.open;
  const end = entries.at(-1)?.end;
  return {
    runId,
    events: entries.map(({ event }) => event),
    ...(open !== undefined && { open }),
    ...(end !== undefined && { end }),
  };
}

/** Each that is told has an answer to write: a few at a time, and others are heard in between. */
export async function settleInTurns<T extends BatchEntry>(
  runs: readonly RunEntries<T>[],
  written: readonly WrittenRun[],
  leave: (entry: T) => void,
): Promise<void> {
  let told = 0;
  const most = Math.max(...runs.map(({ entries }) => entries.length));
  // The first of each run, then the second, so that a crowded run keeps no other waiting.
  for (let at = 0; at < most; at += 1) {
    for (const [index, { entries }] of runs.entries()) {
      const entry = entries[at];
      if (entry === undefined || entry.isLate) continue;
      if (told > 0 && told % TOLD_AT_ONCE === 0) await turn();
      told += 1;
      leave(entry);
      settle(entry, at, written[index]);
    }
  }
}

function settle({ runId, end, resolve, reject }: BatchEntry, at: number, run: WrittenRun): void {
  if (run === undefined) reject(unknownRun(runId));
  else if (at < run.written) resolve(run.base + at + 1);
  // The run had ended before: a second end of it is no error, and anything else comes too late.
  else if (end !== undefined) resolve(run.base);
  else reject(endedRun(runId));
}

export function endedRun(runId: string): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    `The run ${runId} has ended, so that nothing more is recorded in it.`,
  );
}
