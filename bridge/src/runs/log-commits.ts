// Takes what waits for the log and commits it, batch after batch. While one batch is being committed the
// next one gathers, so the cost of a commit is divided among all who wait for it. What becomes of each
// entry is told here too.
import type { Logger } from 'pino';
import { BatchRefused, type RunLogStore, type WrittenRun } from '../store/run-log.ts';
import { type RunEntries, groupByRun, settleInTurns, toBatch } from './log-batch.ts';
import { LogDeadlines } from './log-deadlines.ts';
import type { Entry } from './log-entry.ts';
import { toRefused } from './log-errors.ts';
import type { LogQueue } from './log-queue.ts';
import type { CommitListener } from './run-log.ts';

export interface LogCommitsOptions {
  readonly store: RunLogStore;
  readonly queue: LogQueue<Entry>;
  /** Called for each entry that was written, before it is told. */
  readonly leave: (entry: Entry) => void;
  /** Tells an entry that it was not written, or may not have been. */
  readonly fail: (entry: Entry, error: unknown) => void;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** Called after each commit, for metrics. */
  readonly onBatch: ((batch: { events: number; seconds: number }) => void) | undefined;
}

export interface LogCommits {
  /** Something waits in the queue that is due at `until`, by `performance.now()`. */
  wake(until: number): void;
  /** Resolves when whatever was written before is either there or will never be. Rejects with `log/unavailable`. */
  settle(): Promise<void>;
  /** Calls the listener after each commit; returns how to stop that. */
  onCommit(listener: CommitListener): () => void;
  /** Resolves when events can be written, as far as is known; after a failure it is tried. */
  check(): Promise<void>;
  /** Goes on with another store; the old one is closed when nothing is on its way to it. */
  replaceStore(next: RunLogStore): void;
  /** Resolves when everything in the queue is settled and told. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** A commit waits at most so long for more to share it. */
const GATHER_MS = 2;
/** The store gives up so long before it is too late, at most. */
const SOON_MS = 100;

export function createLogCommits({
  store: firstStore,
  queue,
  leave,
  fail,
  logger,
  timeoutMs,
  onBatch,
}: LogCommitsOptions): LogCommits {
  let store = firstStore;
  const deadlines = new LogDeadlines({ queue, fail });
  const listeners = new Set<CommitListener>();
  /** Callers of `settle`. */
  let settleWaiters: Settler[] = [];
  let pumping: Promise<void> | undefined;
  let telling = Promise.resolve();
  let hasFailed = false;

  const pump = async (): Promise<void> => {
    while (queue.size > 0 || settleWaiters.length > 0) {
      if (settleWaiters.length > 0) await settleStore();
      if (queue.size === 0) continue;
      await gather();
      if (!store.isReady()) await makeReady();
      const entries = queue.take();
      if (entries.length > 0) await commit(entries, store);
    }
    pumping = undefined;
  };

  /** Events stay in the queue until they can be sent, so that those whose time is up are not recorded. */
  const makeReady = async (): Promise<void> => {
    while (queue.size > 0) {
      const due = queue.due();
      try {
        await store.settle(due);
        return;
      } catch (error) {
        hasFailed = true;
        // Before the first is due, it is no outage but a refusal.
        const failed = queue.dropUntil(performance.now() + SOON_MS < due ? Infinity : due);
        logger.error({ err: error, events: failed.length }, 'events were not recorded');
        for (const entry of failed) fail(entry, error);
      }
    }
  };

  const settleStore = async (): Promise<void> => {
    const asked = settleWaiters;
    settleWaiters = [];
    try {
      await store.settle(performance.now() + timeoutMs);
      for (const { resolve } of asked) resolve();
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  };

  /** Waits while each turn of the event loop brings more: what happens together is committed together. */
  const gather = async (): Promise<void> => {
    const until = performance.now() + GATHER_MS;
    let size: number;
    do {
      size = queue.size;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    } while (queue.size > size && performance.now() < until);
  };

  const commit = async (entries: readonly Entry[], to: RunLogStore): Promise<void> => {
    const begun = performance.now();
    const runs = groupByRun(entries);
    try {
      const written = await to.write(runs.map(toBatch), deadlines.begin(entries));
      deadlines.end();
      hasFailed = false;
      onBatch?.({ events: entries.length, seconds: (performance.now() - begun) / 1_000 });
      announce(runs, written);
      // Not waited for: the next commit is under way while these are told.
      telling = telling.then(() => settleInTurns(runs, written, leave));
    } catch (error) {
      deadlines.end();
      if (error instanceof BatchRefused && entries.length > 1) {
        // One bad event must not fail its neighbours, so the batch is halved until it stands alone.
        const middle = entries.length >> 1;
        await commit(entries.slice(0, middle), to);
        await commit(entries.slice(middle), to);
        return;
      }
      const isRefused = error instanceof BatchRefused;
      hasFailed ||= !isRefused;
      const reason = isRefused ? toRefused(error) : error;
      logger.error({ err: error, events: entries.length }, 'events were not recorded');
      for (const entry of entries) if (!entry.isLate) fail(entry, reason);
    }
  };

  const announce = (runs: readonly RunEntries<Entry>[], written: readonly WrittenRun[]): void => {
    const commits = runs.flatMap(({ runId }, index) => {
      const run = written[index];
      return run === undefined ? [] : [{ runId, lastSeq: run.base + run.written }];
    });
    for (const listener of listeners) {
      try {
        listener(commits);
      } catch (error) {
        logger.error({ err: error }, 'a listener to commits failed');
      }
    }
  };

  const settle = (): Promise<void> =>
    new Promise((resolve, reject) => {
      settleWaiters.push({ resolve, reject });
      pumping ??= pump();
    });

  return {
    wake(until) {
      deadlines.watch(until);
      pumping ??= pump();
    },
    settle,
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async check() {
      if (!hasFailed) return;
      await settle();
      hasFailed = false;
    },
    replaceStore(next) {
      const old = store;
      store = next;
      void Promise.resolve(pumping)
        .then(old.close)
        .catch((error: unknown) => logger.debug({ err: error }, 'a connection was not closed'));
    },
    async drain() {
      await pumping;
      await telling;
    },
    async close() {
      deadlines.close();
      await store.close();
    },
  };
}

interface Settler {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
