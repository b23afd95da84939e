// The live edge of a run. One read of the log serves all readers that are there; they get the same events,
// and the newest few are held. A reader that is further behind reads pages of its own. The log is read only
// while a reader waits, and a tail ends with its last reader.
import { setImmediate as turn } from 'node:timers/promises';
import type { StoredEvent } from '../store/run-queries.ts';
import type { CommitNotifications } from './commit-notifications.ts';
import { isRunEnd } from './log-entry.ts';
import { MAX_POLL_MS, keepMinPoll } from './polling.ts';
import { type RunReader, unknownRun } from './reader.ts';

/** One reader's hold on the tail of a run. */
export interface Tail {
  /** The events after a seq, none at the live edge; undefined when they are not held. */
  after(seq: number): readonly StoredEvent[] | undefined;
  /**
   * Resolves true when there are events after `seq`, false when the run is over and has none, or when
   * the reader is aborted. Rejects when the log cannot be read.
   */
  wait(seq: number): Promise<boolean>;
  leave(): void;
}

export interface Tails {
  join(tenantId: string, runId: string, signal: AbortSignal): Tail;
}

export interface TailsOptions {
  readonly reader: Pick<RunReader, 'run' | 'events'>;
  readonly notifications: CommitNotifications;
}

interface Waiter {
  readonly seq: number;
  readonly resolve: (hasMore: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface SharedTail {
  after(seq: number): readonly StoredEvent[] | undefined;
  add(waiter: Waiter): void;
  drop(waiter: Waiter): void;
  close(): void;
}

const PAGE = 200;
/** What is held at most, of each run that is followed. */
const HELD_EVENTS = 256;
const HELD_CHARACTERS = 1024 * 1024;
/** Readers that are told at once; calls have their turn before the next ones. */
const TOLD_AT_ONCE = 64;

export function createTails(options: TailsOptions): Tails {
  const open = new Map<string, { readonly tail: SharedTail; readers: number }>();
  return {
    join(tenantId, runId, signal) {
      const key = `${tenantId} ${runId}`;
      const shared = open.get(key) ?? { tail: createTail(options, tenantId, runId), readers: 0 };
      open.set(key, shared);
      shared.readers += 1;
      const { tail } = shared;
      let waiter: Waiter | undefined;
      const abort = (): void => {
        if (waiter === undefined) return;
        tail.drop(waiter);
        waiter.resolve(false);
      };
      signal.addEventListener('abort', abort);
      return {
        after: tail.after,
        wait: (seq) =>
          new Promise((resolve, reject) => {
            if (signal.aborted) {
              resolve(false);
              return;
            }
            waiter = { seq, resolve, reject };
            tail.add(waiter);
          }),
        leave() {
          signal.removeEventListener('abort', abort);
          abort();
          shared.readers -= 1;
          if (shared.readers > 0) return;
          open.delete(key);
          tail.close();
        },
      };
    },
  };
}

function createTail(
  { reader, notifications }: TailsOptions,
  tenantId: string,
  runId: string,
): SharedTail {
  const watch = notifications.watch(runId);
  const gone = new AbortController();
  const waiting = new Set<Waiter>();
  /** They have no gap and end with `end`, which is unknown until the first read. */
  let held: StoredEvent[] = [];
  let characters = 0;
  let end: number | undefined;
  let polledAt = 0;
  /** There may be more to tell already, so the next read does not wait for a commit. */
  let isDue = true;
  let isWorking = false;

  const hold = (events: readonly StoredEvent[]): void => {
    held.push(...events);
    for (const { json } of events) characters += json.length;
    let dropped = 0;
    while (held.length - dropped > HELD_EVENTS || characters > HELD_CHARACTERS) {
      characters -= held[dropped]?.json.length ?? 0;
      dropped += 1;
    }
    if (dropped > 0) held = held.slice(dropped);
  };

  /** Returns whether the run is over: it has ended, and nothing comes after the tail's end. */
  const poll = async (mayHaveMore: boolean): Promise<boolean> => {
    polledAt = performance.now();
    if (mayHaveMore && end !== undefined) {
      const events = await reader.events(tenantId, runId, { after: end, limit: PAGE });
      hold(events);
      const last = events.at(-1);
      end = last?.seq ?? end;
      isDue = events.length === PAGE;
      if (last !== undefined && !isRunEnd(last)) return false;
    }
    // Its row tells where the run stands: where a tail begins, what no notification told, and its end.
    const run = await reader.run(tenantId, runId);
    if (run === undefined) throw unknownRun(runId);
    end ??= run.lastSeq;
    const isOver = run.completedAt !== undefined && run.lastSeq <= end;
    isDue = isOver || run.lastSeq > end;
    return isOver;
  };

  const tell = async (isOver: boolean): Promise<void> => {
    const edge = end ?? 0;
    const told = [...waiting].filter(({ seq }) => isOver || seq < edge);
    for (const [index, waiter] of told.entries()) {
      if (index > 0 && index % TOLD_AT_ONCE === 0) await turn();
      waiting.delete(waiter);
      waiter.resolve(waiter.seq < edge);
    }
  };

  const work = async (): Promise<void> => {
    isWorking = true;
    try {
      while (waiting.size > 0) {
        const mayHaveMore =
          isDue || (await watch.wait(polledAt + MAX_POLL_MS - performance.now(), gone.signal));
        if (!isDue) await keepMinPoll(polledAt, gone.signal);
        if (!gone.signal.aborted) await tell(await poll(mayHaveMore));
      }
    } catch (error) {
      isDue = true;
      for (const waiter of waiting) waiter.reject(error);
      waiting.clear();
    } finally {
      isWorking = false;
    }
  };

  return {
    after(seq) {
      if (end === undefined || seq < end - held.length) return undefined;
      return seq < end ? held.slice(seq - end) : [];
    },
    add(waiter) {
      if (end !== undefined && waiter.seq < end) {
        waiter.resolve(true);
        return;
      }
      waiting.add(waiter);
      if (!isWorking) void work();
    },
    drop: (waiter) => waiting.delete(waiter),
    close() {
      watch.close();
      gone.abort();
    },
  };
}
