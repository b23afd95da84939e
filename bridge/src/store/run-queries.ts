// Reads of the log. Every query is bound to a tenant, so that another tenant's data is not found
// rather than refused. What is read often is prepared once, and an event's payload stays the text that
// it is: building the query and parsing what is only passed on would cost more than the reading.
import { type SQL, and, desc, eq, exists, gt, isNull, lt, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import type { Run, RunKind, RunStatus } from '@drawbridge/schemas';
import type { Database } from './store.ts';
import { artifacts, runArtifacts, runEvents, runs } from './tables/index.ts';

export interface RunFilter {
  readonly status?: RunStatus;
  readonly kind?: RunKind;
  readonly project?: string;
  /** The id of a principal. */
  readonly createdBy?: string;
}

/** A place among the events of all runs of a tenant. */
export interface TenantPlace {
  /** A transaction's id, as decimal text. */
  readonly tx: string;
  readonly runId: string;
  readonly seq: number;
}

/** An event as it is read: its place, and the whole of it as text. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: string;
  /** A `RunEvent`. */
  readonly json: string;
}

export type PlacedEvent = StoredEvent & { readonly place: TenantPlace };

export interface RunQueries {
  run(tenantId: string, id: string): Promise<Run | undefined>;
  /** Newest first; `before` is the id of the last run of the page before. */
  runs(
    tenantId: string,
    page: RunFilter & { readonly before?: string; readonly limit: number },
  ): Promise<readonly Run[]>;
  /** In order of seq; none when the run is not `createdBy`'s. */
  events(
    tenantId: string,
    runId: string,
    page: { readonly after: number; readonly limit: number; readonly createdBy?: string },
  ): Promise<readonly StoredEvent[]>;
  /**
   * Events of all runs in the order of their transactions, as far as no transaction of this database is
   * open that could still add one before them. `isBehind` tells that there is such a transaction.
   */
  tenantEvents(
    tenantId: string,
    page: { readonly after: TenantPlace; readonly limit: number },
  ): Promise<{ readonly events: readonly PlacedEvent[]; readonly isBehind: boolean }>;
  /** The first transaction of this database that is not finished: what is committed from now on comes at or after it. */
  horizon(): Promise<string>;
  /** With `namedBy`, only when an event of a run of this principal names it. */
  artifact(
    tenantId: string,
    sha256: string,
    namedBy?: string,
  ): Promise<{ readonly mediaType: string; readonly body: Buffer } | undefined>;
  /** The open run of a stateless caller. */
  openRun(tenantId: string, streamKey: string): Promise<string | undefined>;
}

/** The driver takes a body apart in one go, some milliseconds for this much. */
const PIECE_BYTES = 512 * 1024;

/** No run's id comes after it. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const eventColumns = {
  runId: runEvents.runId,
  seq: runEvents.seq,
  type: runEvents.type,
  version: runEvents.version,
  at: runEvents.at,
  durationMs: runEvents.durationMs,
  payload: sql<string>`${runEvents.payload}::text`,
};

export function createRunQueries(db: Database): RunQueries {
  const { run, runsPage, eventsPage, tenantEvents } = prepare(db);
  return {
    async run(tenantId, id) {
      const [row] = await run.execute({ tenantId, id });
      return row && toRun(row);
    },
    async runs(tenantId, { before, limit, status, kind, project, createdBy }) {
      const rows = await runsPage.execute({
        tenantId,
        before: before ?? LAST_ID,
        limit,
        status: status ?? null,
        kind: kind ?? null,
        project: project ?? null,
        createdBy: createdBy ?? null,
      });
      return rows.map(toRun);
    },
    async events(tenantId, runId, { after, limit, createdBy }) {
      const rows = await eventsPage.execute({
        tenantId,
        runId,
        after,
        limit,
        createdBy: createdBy ?? null,
      });
      return rows.map(toEvent);
    },
    async tenantEvents(tenantId, { after, limit }) {
      const { tx, runId, seq } = after;
      // First, so that who has finished by it is seen by the other statement.
      const { horizon, isBehind } = await readHorizon(db);
      const rows = await tenantEvents.execute({ tenantId, tx, runId, seq, horizon, limit });
      return {
        events: rows.map((row) => ({
          ...toEvent(row),
          place: { tx: row.tx, runId: row.runId, seq: row.seq },
        })),
        isBehind,
      };
    },
    async horizon() {
      return (await readHorizon(db)).horizon;
    },
    async artifact(tenantId, sha256, namedBy) {
      const hash = Buffer.from(sha256, 'hex');
      const isIt = and(eq(artifacts.tenantId, tenantId), eq(artifacts.sha256, hash));
      const isNamed = exists(
        db
          .select({ one: sql`1` })
          .from(runArtifacts)
          .where(
            and(
              eq(runArtifacts.tenantId, tenantId),
              eq(runArtifacts.sha256, hash),
              eq(runArtifacts.userId, namedBy ?? ''),
            ),
          ),
      );
      const [row] = await db
        .select({ mediaType: artifacts.mediaType, size: artifacts.size })
        .from(artifacts)
        .where(and(isIt, namedBy === undefined ? undefined : isNamed));
      if (row === undefined) return undefined;
      const body = Buffer.alloc(row.size);
      for (let at = 0; at < row.size; at += PIECE_BYTES) {
        const piece = sql<Buffer>`substring(${artifacts.body} from ${at + 1} for ${PIECE_BYTES})`;
        const [read] = await db.select({ piece }).from(artifacts).where(isIt);
        if (read === undefined) return undefined;
        read.piece.copy(body, at);
      }
      return { mediaType: row.mediaType, body };
    },
    async openRun(tenantId, streamKey) {
      const [row] = await db
        .select({ id: runs.id })
        .from(runs)
        .where(
          and(eq(runs.tenantId, tenantId), eq(runs.streamKey, streamKey), isNull(runs.completedAt)),
        );
      return row?.id;
    },
  };
}

/**
 * The first transaction that may still write events: the oldest open one, without those of the cluster's
 * other databases, which write nothing here; where none is open, the next one. An open transaction is
 * another database's when the process that holds the lock on its id is connected there (PostgreSQL's
 * manual, "pg_locks"). One that is open in this statement's snapshot and holds no lock yet, or none any
 * more, counts.
 */
const HORIZON = sql`
  select coalesce(open.oldest, pg_snapshot_xmax(s))::text as horizon, open.oldest is not null as "isBehind"
  from pg_current_snapshot() as s, lateral (
    select min(tx) as oldest from pg_snapshot_xip(s) as tx
    where not exists (
      select from pg_locks l join pg_stat_activity a on a.pid = l.pid
      join pg_database d on d.oid = a.datid and d.datname <> current_database()
      where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
        and l.transactionid = tx::xid)
  ) as open`;

async function readHorizon(db: Database): Promise<{ horizon: string; isBehind: boolean }> {
  const { rows } = await db.execute<{ horizon: string; isBehind: boolean }>(HORIZON);
  return rows[0] ?? { horizon: '0', isBehind: true };
}

/** What is read often: its text is made once, and PostgreSQL plans it once for each connection. */
function prepare(db: Database) {
  const { placeholder } = sql;
  /** A filter that null leaves open. */
  const is = (column: AnyPgColumn, name: string): SQL =>
    sql`${column} = coalesce(${placeholder(name)}, ${column})`;
  return {
    run: db
      .select()
      .from(runs)
      .where(and(eq(runs.tenantId, placeholder('tenantId')), eq(runs.id, placeholder('id'))))
      .prepare('read_run'),
    runsPage: db
      .select()
      .from(runs)
      .where(
        and(
          eq(runs.tenantId, placeholder('tenantId')),
          lt(runs.id, placeholder('before')),
          is(runs.status, 'status'),
          is(runs.kind, 'kind'),
          is(runs.project, 'project'),
          is(runs.createdBy, 'createdBy'),
        ),
      )
      .orderBy(desc(runs.id))
      .limit(placeholder('limit'))
      .prepare('read_runs'),
    eventsPage: db
      .select(eventColumns)
      .from(runEvents)
      .where(
        and(
          eq(runEvents.tenantId, placeholder('tenantId')),
          eq(runEvents.runId, placeholder('runId')),
          gt(runEvents.seq, placeholder('after')),
          sql`exists (select from ${runs} where ${runs.id} = ${placeholder('runId')} and ${is(runs.createdBy, 'createdBy')})`,
        ),
      )
      .orderBy(runEvents.seq)
      .limit(placeholder('limit'))
      .prepare('read_events'),
    tenantEvents: db
      .select({ ...eventColumns, tx: runEvents.tx })
      .from(runEvents)
      .where(
        and(
          eq(runEvents.tenantId, placeholder('tenantId')),
          sql`(${runEvents.tx}, ${runEvents.runId}, ${runEvents.seq})
            > (${placeholder('tx')}::xid8, ${placeholder('runId')}::uuid, ${placeholder('seq')}::int)`,
          sql`${runEvents.tx} < ${placeholder('horizon')}::xid8`,
        ),
      )
      .orderBy(runEvents.tx, runEvents.runId, runEvents.seq)
      .limit(placeholder('limit'))
      .prepare('read_tenant_events'),
  };
}

function toRun(row: typeof runs.$inferSelect): Run {
  return {
    id: row.id,
    project: row.project,
    createdBy: row.createdBy,
    kind: row.kind,
    title: row.title,
    status: row.status,
    lastSeq: row.lastSeq,
    startedAt: row.startedAt.toISOString(),
    ...(row.parentId !== null && { parentId: row.parentId }),
    ...(row.client !== null && { client: row.client }),
    ...(row.completedAt !== null && { completedAt: row.completedAt.toISOString() }),
  };
}

type EventRow = Pick<
  typeof runEvents.$inferSelect,
  Exclude<keyof typeof eventColumns, 'payload'>
> & {
  readonly payload: string;
};

/** Ids and types need no escaping, and payloads are JSON objects: the log checked it when it wrote them. */
function toEvent({ runId, seq, type, version, at, durationMs, payload }: EventRow): StoredEvent {
  const head = `"runId":"${runId}","seq":${seq},"type":"${type}","version":${version}`;
  const duration = durationMs === null ? '' : `"durationMs":${durationMs},`;
  const json = `{${head},"at":"${at.toISOString()}",${duration}"payload":${payload}}`;
  return { seq, type, json };
}
