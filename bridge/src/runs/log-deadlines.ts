// Nobody waits longer for the log than was promised, whatever the database does. What still waits for its
// commit when its time is up is taken out, and is not recorded; of what is being committed, it is said
// that the outcome is unknown, while the commit takes its course.
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

  /** Looks when the entry is due, unless it looks before that anyway. */
  watch(until: number): void {
    this.#timer ??= setTimeout(() => this.#look(), Math.max(until - performance.now(), 1));
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

  #look(): void {
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
