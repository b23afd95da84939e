// What is asked of the log: runs, their events in pages, bodies by hash. Everything is bound to a
// tenant. A run whose events were removed by retention answers `run/pruned`, not an empty page.
import type { Run } from '@drawbridge/schemas';
import { DrawbridgeError } from '../errors.ts';
import { isUuid } from '../ids.ts';
import type { RunFilter, RunQueries, StoredEvent, TenantPlace } from '../store/run-queries.ts';

export type { StoredEvent };

export interface RunPage {
  readonly runs: readonly Run[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** An event among those of all runs, with its place in their order. */
export type TenantEvent = StoredEvent & { readonly cursor: string };

export interface TenantEventPage {
  readonly events: readonly TenantEvent[];
  /** A transaction is open that may still add events before those that are committed already. */
  readonly isBehind: boolean;
}

export interface RunReader {
  run(tenantId: string, id: string): Promise<Run | undefined>;
  /** Newest first. Rejects with `request/invalid` when the cursor is not ours. */
  runs(
    tenantId: string,
    page: RunFilter & { readonly cursor?: string; readonly limit: number },
  ): Promise<RunPage>;
  /** In order of seq. Rejects with `run/unknown` or `run/pruned`. */
  events(tenantId: string, runId: string, page: EventPage): Promise<readonly StoredEvent[]>;
  /** Events of all runs in the order of their commits, after a cursor. Rejects with `request/invalid`. */
  tenantEvents(
    tenantId: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<TenantEventPage>;
  /** Rejects with `run/pruned` when the event that a cursor names was removed, and `request/invalid`. */
  assertKept(tenantId: string, cursor: string): Promise<void>;
  /** The cursor before everything that is committed from now on. */
  now(): Promise<string>;
  /** With `namedBy`, only when an event of a run of this principal names it. */
  artifact(
    tenantId: string,
    sha256: string,
    namedBy?: string,
  ): Promise<{ readonly mediaType: string; readonly body: Buffer } | undefined>;
}

interface EventPage {
  /** The seq of the last event known; 0 for the beginning. */
  readonly after: number;
  readonly limit: number;
  /** The id of a principal; a run of another one is not found. */
  readonly createdBy?: string;
}

const NO_RUN = '00000000-0000-0000-0000-000000000000';

export function createRunReader(queries: RunQueries): RunReader {
  return {
    run: queries.run,
    async runs(tenantId, { cursor, limit, ...filter }) {
      if (cursor !== undefined && !isUuid(cursor)) throw invalidCursor(cursor);
      const found = await queries.runs(tenantId, {
        ...filter,
        limit: limit + 1,
        ...(cursor !== undefined && { before: cursor }),
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return found.length > limit && last !== undefined
        ? { runs: page, nextCursor: last.id }
        : { runs: page };
    },
    async events(tenantId, runId, page) {
      const events = await queries.events(tenantId, runId, page);
      if (events.length > 0) return events;
      const run = await queries.run(tenantId, runId);
      if (run === undefined || run.createdBy !== (page.createdBy ?? run.createdBy))
        throw unknownRun(runId);
      if (run.lastSeq <= page.after) return events;
      // Either an event was committed between the two queries, or all are gone.
      const [kept] = await queries.events(tenantId, runId, { after: 0, limit: 1 });
      if (kept === undefined) throw pruned(`The events of run ${runId} were removed by retention.`);
      return queries.events(tenantId, runId, page);
    },
    async tenantEvents(tenantId, { after, limit }) {
      const place = fromCursor(after);
      const { events, isBehind } = await queries.tenantEvents(tenantId, { after: place, limit });
      return {
        events: events.map(({ place, ...event }) => ({ ...event, cursor: toCursor(place) })),
        isBehind,
      };
    },
    async assertKept(tenantId, cursor) {
      const { tx, runId, seq } = fromCursor(cursor);
      // Transactions of another cluster count from elsewhere: it would wait for ours to get there.
      if (BigInt(tx) > BigInt(await queries.horizon())) {
        throw pruned('This cursor is of another database, as before a restore; start without one.');
      }
      if (seq === 0) return;
      const [event] = await queries.events(tenantId, runId, { after: seq - 1, limit: 1 });
      if (event?.seq !== seq) {
        throw pruned('The events after this cursor were removed by retention; start without one.');
      }
    },
    async now() {
      // Nothing committed from now on lies in a transaction before the horizon.
      return toCursor({ tx: await queries.horizon(), runId: NO_RUN, seq: 0 });
    },
    artifact: queries.artifact,
  };
}

export function unknownRun(runId: string): DrawbridgeError {
  return new DrawbridgeError('run/unknown', `There is no run ${runId}.`);
}

function toCursor({ tx, runId, seq }: TenantPlace): string {
  return `${tx}.${runId}.${seq}`;
}

function fromCursor(cursor: string): TenantPlace {
  const [, tx, runId, seq] = /^(\d{1,19})\.([0-9a-f-]{36})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (tx === undefined || runId === undefined || !isUuid(runId)) throw invalidCursor(cursor);
  return { tx, runId, seq: Number(seq) };
}

function invalidCursor(cursor: string): DrawbridgeError {
  return new DrawbridgeError(
    'request/invalid',
    `"${cursor}" is not a cursor; use one that an answer gave you.`,
  );
}

function pruned(message: string): DrawbridgeError {
  return new DrawbridgeError('run/pruned', message);
}
