// No append waits longer for the log than was promised, whatever the database does. An event whose commit has
// not begun when its time is up is taken out, and is not recorded. Where its commit is under way, its caller is
// told that the outcome is unknown, and the commit goes on.
import { DrawbridgeError } from '../errors.ts';
import { unavailable } from './log-errors.ts';
import type { Entry } from './log-entry.ts';
import type { LogQueue } from './log-queue.ts';

export interface LogDeadlinesOptions {
  readonly queue: LogQueue<Entry>;
  readonly fail: (entry: Entry, error: unknown) => void;
}

/** A slow disk's rate: a large batch may take so much longer. */
const BYTES_PER_MS = 4_096;

export class LogDeadlines {
  readonly #options: LogDeadlinesOptions;
  #committing: readonly Entry[] = [];
  #allowanceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogDeadlinesOptions) {
    this.#options = options;
  }

  /** Checks when the entry is due, unless a check before that is planned. */
  watch(until: number): void {
    this.#timer ??= setTimeout(() => this.#check(), Math.max(until - performance.now(), 1));
  }

  /** These are being committed now; returns when the last of them is due. */
  begin(entries: readonly Entry[]): number {
    let bytes = 0;
    let first = Infinity;
    let last = 0;
    for (const { event, until } of entries) {
      bytes += event.bytes;
      first = Math.min(first, until);
      last = Math.max(last, until);
    }
    this.#committing = entries;
    this.#allowanceMs = bytes / BYTES_PER_MS;
    this.watch(first);
    return last + this.#allowanceMs;
  }

  /** What became of them is known. */
  end(): void {
    this.#committing = [];
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    const { queue, fail } = this.#options;
    const now = performance.now();
    for (const entry of queue.dropUntil(now)) fail(entry, tooLate());
    let next = queue.due();
    for (const entry of this.#committing) {
      if (entry.isLate) continue;
      const due = entry.until + this.#allowanceMs;
      next = Math.min(next, due > now ? due : Infinity);
      if (due > now) continue;
      entry.isLate = true;
      fail(entry, unknownOutcome());
    }
    this.#timer = undefined;
    if (next < Infinity) this.watch(next);
  }
}

function tooLate(): DrawbridgeError {
  return unavailable('The log could not be written in time; nothing was recorded.');
}

function unknownOutcome(): DrawbridgeError {
  return new DrawbridgeError(
    'log/outcome_unknown',
    'The database did not say in time whether the commit took place.',
  );
}
