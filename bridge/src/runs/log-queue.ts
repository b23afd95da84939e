// What waits to be committed. Principals take turns, weighed by bytes, so that a flood of one of them
// fills the commits only as far as others leave room; the events of one run keep their order.
import { FairQueue } from '../flow/fair-queue.ts';
import type { EventText } from './event-text.ts';

export interface Queued {
  readonly runId: string;
  /** Whose turn it takes; the same for all events of a run that wait at once. */
  readonly owner: string;
  readonly end?: unknown;
  readonly event: EventText;
  /** By the monotonic clock. */
  readonly until: number;
}

const BATCH_EVENTS = 500;
const BATCH_BYTES = 2 * 1024 * 1024;
/** A turn is a few small events, or one that is larger. */
const TURN_BYTES = 8 * 1024;

export class LogQueue<T extends Queued> {
  readonly #queue = new FairQueue<T>(TURN_BYTES);

  get size(): number {
    return this.#queue.size;
  }

  push(entry: T): void {
    this.#queue.push(entry.owner, entry, entry.event.bytes);
  }

  /** The next batch: at least one entry, where there is one, and nothing of a run after its end. */
  take(): readonly T[] {
    const ended = new Set<string>();
    const batch: T[] = [];
    let bytes = 0;
    const fits = ({ runId, event }: T): boolean =>
      batch.length === 0 || (bytes + event.bytes <= BATCH_BYTES && !ended.has(runId));
    while (batch.length < BATCH_EVENTS) {
      const entry = this.#queue.shift(fits);
      if (entry === undefined) break;
      batch.push(entry);
      bytes += entry.event.bytes;
      if (entry.end !== undefined) ended.add(entry.runId);
    }
    return batch;
  }

  /** When the first is due; never, when nothing waits. */
  due(): number {
    let due = Infinity;
    for (const { until } of this.#queue) due = Math.min(due, until);
    return due;
  }

  /** Takes out what was to be written by this time. */
  dropUntil(time: number): readonly T[] {
    return this.#queue.drop(({ until }) => until <= time);
  }
}
