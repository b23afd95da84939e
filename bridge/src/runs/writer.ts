// The run log: everything that happens in a run is appended here, and an append resolves when it is
// committed. Appends of all runs share commits: while one batch is being committed the next one
// gathers, so the cost of a commit is divided among all who wait for it.
import { v7 as createUuid } from 'uuid';
import type { Logger } from 'pino';
import type { RunKind } from '@drawbridge/schemas';
import { DrawbridgeError, toMessage } from '../errors.ts';
import {
  BatchRefused,
  type RunBatch,
  type RunLogStore,
  type RunRow,
  type WrittenRun,
} from '../store/run-log.ts';
import { type EventText, type LogEvent, createEventText } from './event-text.ts';
import { redactText } from '../secrets/redact-value.ts';
import type { Redact } from './redaction.ts';

export type RunEnd = 'completed' | 'failed' | 'cancelled';

export interface NewRun {
  /** A UUID v7; made here when absent. Who gives one may append before `open` resolves. */
  readonly id?: string;
  readonly tenantId: string;
  readonly project: string;
  /** The principal's id. */
  readonly createdBy: string;
  readonly kind: RunKind;
  readonly title: string;
  readonly client?: string;
  readonly parentId?: string;
  /** At most one open run of a tenant has this key. */
  readonly streamKey?: string;
}

/** What a commit brought: the last seq of each run it touched. */
export type CommitListener = (runs: readonly { runId: string; lastSeq: number }[]) => void;

export interface RunLog {
  /** Inserts the run and its `run.started`. */
  open(run: NewRun): Promise<{ id: string }>;
  /**
   * Resolves with the event's seq when it is committed. Appends of one run keep their order. Rejects
   * with `log/unavailable` (it is not in the log), `log/outcome_unknown` (it may be) or `run/unknown`.
   */
  append(runId: string, event: LogEvent): Promise<number>;
  /** Appends the run's last event; a run that has ended already stays as it is. */
  end(runId: string, as: RunEnd, reason?: string): Promise<void>;
  /** Calls the listener after each commit; returns how to stop that. */
  onCommit(listener: CommitListener): () => void;
  /** Resolves when everything appended so far is settled. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RunLogOptions {
  readonly store: RunLogStore;
  readonly bridgeId: string;
  readonly redact: Redact;
  readonly logger: Logger;
  readonly now?: () => number;
  /** Makes UUIDs v7, each greater than the one before. */
  readonly createId?: () => string;
  /** Called after each commit, for metrics. */
  readonly onBatch?: (batch: { events: number; seconds: number }) => void;
  /** Longest wait of an append for the database, in milliseconds. */
  readonly patience?: number;
}

interface Entry {
  readonly runId: string;
  readonly open?: RunRow;
  readonly end?: RunEnd;
  readonly event: EventText;
  /** By the monotonic clock. */
  readonly until: number;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

const BATCH_EVENTS = 500;
/** A commit waits at most so long for more to share it. */
const GATHER_MS = 2;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Beyond these, appends wait outside the queue until there is room. */
const QUEUE_EVENTS = 20_000;
const QUEUE_BYTES = 128 * 1024 * 1024;
const COLUMN_CHARACTERS = 1_024;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createRunLog({
  store,
  bridgeId,
  redact,
  logger,
  now = Date.now,
  createId = createUuid,
  onBatch,
  patience = 5_000,
}: RunLogOptions): RunLog {
  const toText = createEventText({ redact, bridgeId });
  const listeners = new Set<CommitListener>();
  const queue = new Queue();
  /** Appends that found the queue full, in order; each enters when it is called. */
  const waiting: { enter: () => void; until: number; reject: (error: unknown) => void }[] = [];
  let pumping: Promise<void> | undefined;
  let expiry: NodeJS.Timeout | undefined;
  let closed = false;

  const add = (
    runId: string,
    event: LogEvent,
    extra: { open?: RunRow; end?: RunEnd } = {},
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      if (closed) throw unavailable('The log is closed.');
      if (!UUID.test(runId)) throw unknownRun(runId);
      const at = now();
      const until = performance.now() + patience;
      const enter = (): void => {
        queue.push({ runId, event: toText(event, at), until, resolve, reject, ...extra });
        pumping ??= pump();
      };
      expiry ??= setTimeout(expire, patience);
      if (waiting.length === 0 && queue.hasRoom()) enter();
      else waiting.push({ enter, until, reject });
    });

  const pump = async (): Promise<void> => {
    while (queue.size > 0) {
      await gather();
      const entries = queue.take();
      admitWaiting();
      await commit(entries);
    }
    pumping = undefined;
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

  const admitWaiting = (): void => {
    while (queue.hasRoom()) {
      const next = waiting.shift();
      if (next === undefined) return;
      try {
        next.enter();
      } catch (error) {
        next.reject(error);
      }
    }
  };

  const expire = (): void => {
    const time = performance.now();
    const late = unavailable('The log could not be written in time; nothing was recorded.');
    for (const entry of queue.dropUntil(time)) entry.reject(late);
    while (waiting[0] !== undefined && waiting[0].until <= time) waiting.shift()?.reject(late);
    admitWaiting();
    const next = queue.peek()?.until;
    expiry = next === undefined ? undefined : setTimeout(expire, Math.max(next - time, 1));
  };

  const commit = async (entries: readonly Entry[]): Promise<void> => {
    const begun = performance.now();
    const runs = groupByRun(entries);
    try {
      const until = Math.max(...entries.map((entry) => entry.until));
      const written = await store.write(runs.map(toBatch), until);
      onBatch?.({ events: entries.length, seconds: (performance.now() - begun) / 1_000 });
      announce(runs, written);
      for (const [index, run] of runs.entries()) settle(run, written[index]);
    } catch (error) {
      if (error instanceof BatchRefused && entries.length > 1) {
        // One bad event must not fail its neighbours, so the batch is halved until it stands alone.
        const middle = entries.length >> 1;
        await commit(entries.slice(0, middle));
        await commit(entries.slice(middle));
        return;
      }
      const reason = error instanceof BatchRefused ? toRefused(error) : error;
      logger.error({ err: error, events: entries.length }, 'events were not recorded');
      for (const entry of entries) entry.reject(reason);
    }
  };

  const announce = (runs: readonly RunEntries[], written: readonly WrittenRun[]): void => {
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

  const flush = async (): Promise<void> => pumping;

  return {
    async open(run) {
      const id = run.id ?? createId();
      const payload = { kind: run.kind, title: run.title, principal: run.createdBy };
      const event: LogEvent = {
        type: 'run.started',
        payload: run.client === undefined ? payload : { ...payload, client: run.client },
      };
      await add(id, event, { open: toRow(run, id, now(), redact) });
      return { id };
    },
    append: (runId, event) => add(runId, event),
    async end(runId, as, reason) {
      const payload = reason === undefined ? {} : { reason };
      await add(runId, { type: `run.${as}`, payload }, { end: as });
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flush,
    async close() {
      closed = true;
      await flush();
      clearTimeout(expiry);
      await store.close();
    },
  };
}

/** The entries of one run in a batch, in order. */
interface RunEntries {
  readonly runId: string;
  readonly entries: Entry[];
}

function groupByRun(entries: readonly Entry[]): readonly RunEntries[] {
  const runs = new Map<string, RunEntries>();
  for (const entry of entries) {
    const run = runs.get(entry.runId);
    if (run === undefined) runs.set(entry.runId, { runId: entry.runId, entries: [entry] });
    else run.entries.push(entry);
  }
  return [...runs.values()];
}

function toBatch({ runId, entries }: RunEntries): RunBatch {
  const open = entries[0]?.open;
  const end = entries.at(-1)?.end;
  return {
    runId,
    events: entries.map(({ event }) => event),
    ...(open !== undefined && { open }),
    ...(end !== undefined && { end }),
  };
}

function settle({ runId, entries }: RunEntries, written: WrittenRun): void {
  for (const [index, entry] of entries.entries()) {
    if (written === undefined) entry.reject(unknownRun(runId));
    // An end that was left out, because the run had ended before, settles on the seq before it.
    else entry.resolve(written.base + Math.min(index + 1, written.written));
  }
}

function toRow(run: NewRun, id: string, startedAt: number, redact: Redact): RunRow {
  const toColumnText = (text: string): string => toPlainText(redactText(redact, text));
  return {
    id,
    tenantId: run.tenantId,
    project: toColumnText(run.project),
    createdBy: run.createdBy,
    kind: run.kind,
    title: toColumnText(run.title),
    parentId: run.parentId ?? null,
    client: run.client === undefined ? null : toColumnText(run.client),
    streamKey: run.streamKey ?? null,
    startedAt,
  };
}

/** PostgreSQL's `text` takes every character but NUL. */
function toPlainText(text: string): string {
  return text.slice(0, COLUMN_CHARACTERS).replaceAll('\0', '\uFFFD');
}

function toRefused(error: BatchRefused): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    `The database refused the event: ${toMessage(error.cause)}`,
    { cause: error.cause },
  );
}

function unavailable(message: string): DrawbridgeError {
  return new DrawbridgeError('log/unavailable', message);
}

function unknownRun(runId: string): DrawbridgeError {
  return new DrawbridgeError('run/unknown', `There is no run ${runId}.`);
}

/** First in, first out; bounded by number and bytes. What is taken out is not held on to. */
class Queue {
  #entries: Entry[] = [];
  #bytes = 0;

  get size(): number {
    return this.#entries.length;
  }

  hasRoom(): boolean {
    return this.size < QUEUE_EVENTS && this.#bytes < QUEUE_BYTES;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.event.bytes;
  }

  peek(): Entry | undefined {
    return this.#entries[0];
  }

  /** The next batch: at least one entry, where there is one, and nothing of a run after its end. */
  take(): readonly Entry[] {
    const ended = new Set<string>();
    let count = 0;
    let bytes = 0;
    for (const { runId, end, event } of this.#entries) {
      bytes += event.bytes;
      if (count === BATCH_EVENTS) break;
      if (count > 0 && (bytes > BATCH_BYTES || ended.has(runId))) break;
      count += 1;
      if (end !== undefined) ended.add(runId);
    }
    return this.#remove(count);
  }

  /** Takes out what was to be written by this time. */
  dropUntil(time: number): readonly Entry[] {
    const first = this.#entries.findIndex(({ until }) => until > time);
    return this.#remove(first === -1 ? this.size : first);
  }

  #remove(count: number): readonly Entry[] {
    const removed = this.#entries.splice(0, count);
    for (const { event } of removed) this.#bytes -= event.bytes;
    return removed;
  }
}
