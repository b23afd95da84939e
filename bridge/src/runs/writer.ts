// The run log: everything that happens in a run is appended here, and an append resolves when it is
// committed. Appends of all runs share commits: while one batch is being committed the next one
// gathers, so the cost of a commit is divided among all who wait for it.
import { setImmediate as turn } from 'node:timers/promises';
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
import type { RunLogBodies } from '../store/run-log-bodies.ts';
import type { HeldBytes } from '../held-bytes.ts';
import { type EventText, type LogEvent, createEventText } from './event-text.ts';
import { redactText } from '../secrets/redact-value.ts';
import { type PrepareBody, createLargeBodies } from './large-bodies.ts';
import { type LogOwner, LogOwners } from './log-owners.ts';
import { LogQueue } from './log-queue.ts';
import type { Redact } from './redaction.ts';
import { UnreadyEvents } from './unready-events.ts';

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
   * @param owner who takes the turn, where this log may not know the run
   */
  append(runId: string, event: LogEvent, owner?: LogOwner): Promise<number>;
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
  /** Where large bodies go ahead of their events; without it they go with them. */
  readonly bodies?: RunLogBodies;
  /** Redacts and hashes a large text beside the event loop; without it that is done in place. */
  readonly prepare?: PrepareBody;
  /** Counts large bodies that wait to be committed. */
  readonly held?: HeldBytes;
}

interface Waiting {
  readonly runId: string;
  readonly owner: string;
  readonly open: RunRow | undefined;
  readonly end: RunEnd | undefined;
  /** By the monotonic clock. */
  readonly until: number;
  /** What it takes of its owner's backlog. */
  readonly bytes: number;
  readonly release: (() => void) | undefined;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

interface AddOptions {
  readonly owner?: LogOwner | undefined;
  readonly open?: RunRow;
  readonly end?: RunEnd;
}

type Entry = Waiting & { readonly event: EventText };

/** A commit waits at most so long for more to share it. */
const GATHER_MS = 2;
const LARGE_BYTES = 128 * 1024;
const TOLD_AT_ONCE = 32;
const NOTHING_MORE: AddOptions = {};
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
  bodies,
  prepare,
  held,
}: RunLogOptions): RunLog {
  const toText = createEventText({ redact, bridgeId });
  const listeners = new Set<CommitListener>();
  const large = createLargeBodies({ toText, bodies, prepare });
  const queue = new LogQueue<Entry>();
  const owners = new LogOwners();
  let pumping: Promise<void> | undefined;
  let settling = Promise.resolve();
  let expiry: NodeJS.Timeout | undefined;
  let closed = false;

  const add = (
    runId: string,
    event: LogEvent,
    { owner: given, open, end }: AddOptions = NOTHING_MORE,
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      if (closed) throw unavailable('The log is closed.');
      if (!UUID.test(runId)) throw unknownRun(runId);
      const of = owners.find(runId, given);
      const owner = of?.id ?? runId;
      if (owners.isFull(owner) && !isEnd(event)) {
        throw unavailable('Too many events of this caller wait to be recorded; try again later.');
      }
      const at = now();
      const until = performance.now() + patience;
      const begun = large.begin(event, { tenantId: of?.tenantId, owner, at, until });
      const { bytes } = begun;
      owners.enter(owner, runId, bytes);
      const isReady = !('finish' in begun);
      const release = bytes > LARGE_BYTES ? held?.hold(bytes) : undefined;
      const entry = { runId, owner, open, end, until, bytes, release, resolve, reject };
      expiry ??= setTimeout(expire, toExpiry(patience));
      if (isReady && !unready.has(runId)) enter(entry, begun);
      else unready.add(entry, isReady ? begun : begun.finish());
    });

  const leave = ({ owner, runId, bytes, release, end }: Waiting): void => {
    release?.();
    owners.leave(owner, runId, bytes);
    if (end !== undefined) owners.forget(runId);
  };

  const fail = (entry: Waiting, error: unknown): void => {
    leave(entry);
    entry.reject(error);
  };

  const enter = (entry: Waiting, event: EventText): void => {
    const { runId, owner, open, end, until, bytes, release, resolve, reject } = entry;
    queue.push({ runId, owner, open, end, until, bytes, release, resolve, reject, event });
    pumping ??= pump();
  };

  const unready = new UnreadyEvents<Waiting>({ enter, fail });

  const pump = async (): Promise<void> => {
    while (queue.size > 0) {
      await gather();
      const entries = queue.take();
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

  const expire = (): void => {
    const late = unavailable('The log could not be written in time; nothing was recorded.');
    for (const entry of queue.dropUntil(performance.now())) fail(entry, late);
    expiry = queue.size === 0 ? undefined : setTimeout(expire, toExpiry(patience));
  };

  const commit = async (entries: readonly Entry[]): Promise<void> => {
    const begun = performance.now();
    const runs = groupByRun(entries);
    try {
      const until = Math.max(...entries.map((entry) => entry.until));
      const written = await store.write(runs.map(toBatch), until);
      onBatch?.({ events: entries.length, seconds: (performance.now() - begun) / 1_000 });
      announce(runs, written);
      // Not waited for: the next commit is under way while these are told.
      settling = settling.then(() => settleInTurns(runs, { written, leave }));
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
      for (const entry of entries) fail(entry, reason);
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

  const flush = async (): Promise<void> => {
    await unready.settled();
    await pumping;
    await settling;
  };

  return {
    async open(run) {
      const id = run.id ?? createId();
      const payload = { kind: run.kind, title: run.title, principal: run.createdBy };
      const event: LogEvent = {
        type: 'run.started',
        payload: run.client === undefined ? payload : { ...payload, client: run.client },
      };
      const owner = { id: run.createdBy, tenantId: run.tenantId };
      await add(id, event, { owner, open: toRow(run, id, now(), redact) });
      return { id };
    },
    append: (runId, event, owner) => add(runId, event, { owner }),
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
      await bodies?.close();
      await store.close();
    },
  };
}

/** What ends a call or a run is taken even when too much waits: it ends what was taken before. */
function isEnd({ type }: LogEvent): boolean {
  return (
    type === 'call.completed' ||
    type === 'call.failed' ||
    type === 'call.cancelled' ||
    type === 'call.input_required' ||
    /^run\.(?:completed|failed|cancelled)$/.test(type)
  );
}

/** What waits is looked at a few times within its patience. */
function toExpiry(patience: number): number {
  return Math.max(patience / 5, 1);
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

/** Each that is told has an answer to write: a few at a time, and others are heard in between. */
async function settleInTurns(
  runs: readonly RunEntries[],
  {
    written,
    leave,
  }: { readonly written: readonly WrittenRun[]; readonly leave: (entry: Entry) => void },
): Promise<void> {
  let told = 0;
  const most = Math.max(...runs.map(({ entries }) => entries.length));
  // The first of each run, then the second, so that a crowded run keeps no other waiting.
  for (let at = 0; at < most; at += 1) {
    for (const [index, { runId, entries }] of runs.entries()) {
      const entry = entries[at];
      if (entry === undefined) continue;
      if (told > 0 && told % TOLD_AT_ONCE === 0) await turn();
      told += 1;
      leave(entry);
      settle(runId, entry, { at, written: written[index] });
    }
  }
}

function settle(
  runId: string,
  entry: Entry,
  { at, written }: { readonly at: number; readonly written: WrittenRun },
): void {
  if (written === undefined) entry.reject(unknownRun(runId));
  // An end that was left out, because the run had ended before, settles on the seq before it.
  else entry.resolve(written.base + Math.min(at + 1, written.written));
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
