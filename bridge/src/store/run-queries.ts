// Reads of the log. Every query is bound to a tenant, so that another tenant's data is not found
// rather than refused.
import { type SQL, and, desc, eq, gt, inArray, isNull, lt, sql } from 'drizzle-orm';
import type { Run, RunEvent, RunKind, RunStatus } from '@drawbridge/schemas';
import type { Database } from './store.ts';
import { artifacts, runEvents, runs } from './tables/index.ts';

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

export type PlacedEvent = RunEvent & { readonly tx: string };

export interface RunQueries {
  run(tenantId: string, id: string): Promise<Run | undefined>;
  /** Newest first; `before` is the id of the last run of the page before. */
  runs(
    tenantId: string,
    page: RunFilter & { readonly before?: string; readonly limit: number },
  ): Promise<readonly Run[]>;
  events(
    tenantId: string,
    runId: string,
    page: {
      readonly after: number;
      readonly limit: number;
      readonly types?: readonly string[];
    },
  ): Promise<readonly RunEvent[]>;
  /**
   * Events of all runs in the order of their transactions, as far as no transaction is open that
   * could still add one before them. `isBehind` tells that there is such a transaction.
   */
  tenantEvents(
    tenantId: string,
    page: { readonly after: TenantPlace; readonly limit: number },
  ): Promise<{ readonly events: readonly PlacedEvent[]; readonly isBehind: boolean }>;
  /** The first transaction that is not finished: what is committed from now on comes at or after it. */
  horizon(): Promise<string>;
  artifact(
    tenantId: string,
    sha256: string,
  ): Promise<{ readonly mediaType: string; readonly body: Buffer } | undefined>;
  /** The open run of a stateless caller. */
  openRun(tenantId: string, streamKey: string): Promise<string | undefined>;
}

export function createRunQueries(db: Database): RunQueries {
  return {
    async run(tenantId, id) {
      const [row] = await db
        .select()
        .from(runs)
        .where(and(eq(runs.tenantId, tenantId), eq(runs.id, id)));
      return row && toRun(row);
    },
    async runs(tenantId, { before, limit, status, kind, project, createdBy }) {
      const conditions: SQL[] = [eq(runs.tenantId, tenantId)];
      if (before !== undefined) conditions.push(lt(runs.id, before));
      if (status !== undefined) conditions.push(eq(runs.status, status));
      if (kind !== undefined) conditions.push(eq(runs.kind, kind));
      if (project !== undefined) conditions.push(eq(runs.project, project));
      if (createdBy !== undefined) conditions.push(eq(runs.createdBy, createdBy));
      const rows = await db
        .select()
        .from(runs)
        .where(and(...conditions))
        .orderBy(desc(runs.id))
        .limit(limit);
      return rows.map(toRun);
    },
    async events(tenantId, runId, { after, limit, types }) {
      const rows = await db
        .select()
        .from(runEvents)
        .where(
          and(
            eq(runEvents.tenantId, tenantId),
            eq(runEvents.runId, runId),
            gt(runEvents.seq, after),
            types && inArray(runEvents.type, [...types]),
          ),
        )
        .orderBy(runEvents.seq)
        .limit(limit);
      return rows.map(toEvent);
    },
    async tenantEvents(tenantId, { after, limit }) {
      const { tx, runId, seq } = after;
      const [rows, isBehind] = await db.transaction(
        async (snapshot) => {
          const open = await snapshot.execute<{ behind: boolean }>(
            sql`select pg_snapshot_xmin(s) < pg_snapshot_xmax(s) as behind from pg_current_snapshot() as s`,
          );
          const events = await snapshot
            .select()
            .from(runEvents)
            .where(
              and(
                eq(runEvents.tenantId, tenantId),
                sql`(${runEvents.tx}, ${runEvents.runId}, ${runEvents.seq}) > (${tx}::xid8, ${runId}::uuid, ${seq}::int)`,
                sql`${runEvents.tx} < pg_snapshot_xmin(pg_current_snapshot())`,
              ),
            )
            .orderBy(runEvents.tx, runEvents.runId, runEvents.seq)
            .limit(limit);
          return [events, open.rows[0]?.behind === true] as const;
        },
        { isolationLevel: 'repeatable read', accessMode: 'read only' },
      );
      return { events: rows.map((row) => ({ ...toEvent(row), tx: row.tx })), isBehind };
    },
    async horizon() {
      const { rows } = await db.execute<{ tx: string }>(
        sql`select pg_snapshot_xmin(pg_current_snapshot())::text as tx`,
      );
      return rows[0]?.tx ?? '0';
    },
    async artifact(tenantId, sha256) {
      const [row] = await db
        .select({ mediaType: artifacts.mediaType, body: artifacts.body })
        .from(artifacts)
        .where(
          and(eq(artifacts.tenantId, tenantId), eq(artifacts.sha256, Buffer.from(sha256, 'hex'))),
        );
      return row;
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

function toEvent(row: typeof runEvents.$inferSelect): RunEvent {
  return {
    runId: row.runId,
    seq: row.seq,
    type: row.type,
    version: row.version,
    at: row.at.toISOString(),
    // Every payload schema is an object; the log checked it when it was written.
    payload: row.payload as RunEvent['payload'],
    ...(row.durationMs !== null && { durationMs: row.durationMs }),
  };
}
