// Statements around the log that are not on the way of a call: the bridges that write it, what a dead
// one left open, and what retention removes.
import { type SQL, and, eq, inArray, sql } from 'drizzle-orm';
import type { Database } from './store.ts';
import { bridges } from './tables/index.ts';

export interface BridgeRow {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
}

export interface CallPlace {
  readonly runId: string;
  readonly callId: string;
}

export interface OpenCall extends CallPlace {
  readonly startedAt: Date;
}

export interface RunUpkeep {
  register(bridge: BridgeRow & { readonly version: string }): Promise<void>;
  /** `wasEnded`: others have taken this bridge for dead, for good. `peers`: other bridges that are alive. */
  beat(
    id: string,
    staleSeconds: number,
  ): Promise<{ readonly wasEnded: boolean; readonly peers: number }>;
  /** Marks a bridge as ended in order; where it left something open, the next sweep of others ends that. */
  retire(id: string, leaves: boolean): Promise<void>;
  /** Bridges whose end is not written, whether they seem alive or not. */
  others(
    id: string,
    staleSeconds: number,
  ): Promise<readonly (BridgeRow & { isEnded: boolean; isStale: boolean })[]>;
  /** Takes dead bridges to end their runs; from here on they cannot write. Returns those that no survivor has. */
  claim(id: string, dead: readonly string[]): Promise<readonly string[]>;
  /** Calls that a bridge started and that have no end, in its own runs and in sessions that it served. */
  openCalls(bridgeId: string): Promise<readonly OpenCall[]>;
  /** Those of these calls that have a start in an open run, and no end. */
  findOpen(calls: readonly CallPlace[]): Promise<readonly CallPlace[]>;
  /** Open runs of sessions that are over, or that never came to be. */
  runsOfEndedSessions(): Promise<readonly string[]>;
  /** Open runs of a bridge that cannot go on without it. */
  orphanedRuns(bridgeId: string): Promise<readonly string[]>;
  /** Whether any call of a run is under way. */
  hasOpenCall(runId: string): Promise<boolean>;
  swept(bridgeId: string): Promise<void>;
  /** The earliest start of a run that is open, or was active since a date; undefined when there is none. */
  oldestNeeded(activeSince?: Date): Promise<Date | undefined>;
  /** Days of events with their size in bytes, the oldest first. */
  eventDays(): Promise<readonly { readonly day: Date; readonly bytes: number }[]>;
  /** What `removeBefore` would delete; the bytes are those of bodies. */
  countBefore(date: Date): Promise<{ readonly runs: number; readonly bodyBytes: number }>;
  /** Deletes ended runs that began before `date`, bodies that only their events used, and old bridges. */
  removeBefore(date: Date): Promise<{ readonly runs: number; readonly artifacts: number }>;
  /** Tells other bridges which runs have news; not durable, and so without a wait for the disk. */
  notify(channel: string, payload: string): Promise<void>;
}

const ENDS = sql`('call.completed', 'call.failed', 'call.cancelled', 'call.denied', 'call.input_required')`;

export function createRunUpkeep(db: Database): RunUpkeep {
  const openCallsWhere = (candidates: SQL): SQL => sql`
    select s.run_id as "runId", ${idIn('s', 'callId')} as "callId", s.at as "startedAt"
    from run_events s
    where s.type = 'call.started' and ${candidates} and ${idIn('s', 'callId')} is not null and not exists (
      select from run_events e
      where e.run_id = s.run_id and e.seq > s.seq and e.type in ${ENDS}
        and ${idIn('e', 'callId')} = ${idIn('s', 'callId')})
    order by s.run_id, s.seq`;

  return {
    async register({ id, pid, host, version }) {
      await db.insert(bridges).values({ id, pid, host, version });
    },
    async beat(id, staleSeconds) {
      const { rows } = await db.execute<{ ended: boolean; peers: number }>(sql`
        with beat as (
          update bridges set beat_at = now() where id = ${id} and ended_at is null returning id
        )
        select not exists (select from beat) as ended, (select count(*)::int from bridges
          where id <> ${id} and ended_at is null and ${fresh(staleSeconds)}) as peers`);
      return { wasEnded: rows[0]?.ended === true, peers: rows[0]?.peers ?? 0 };
    },
    async retire(id, leaves) {
      await db
        .update(bridges)
        .set({
          endedAt: sql`now()`,
          sweptAt: sql`case when ${leaves}::boolean or exists (
            select from runs where bridge_id = ${id} and completed_at is null and kind <> 'session')
            then null else now() end`,
        })
        .where(and(eq(bridges.id, id), sql`ended_at is null`));
    },
    async others(id, staleSeconds) {
      const { rows } = await db.execute<{
        id: string;
        pid: number;
        host: string;
        isEnded: boolean;
        isStale: boolean;
      }>(sql`
        select id, pid, host, ended_at is not null as "isEnded", not (${fresh(staleSeconds)}) as "isStale"
        from bridges where id <> ${id} and swept_at is null`);
      return rows;
    },
    async claim(id, dead) {
      if (dead.length === 0) return [];
      const rows = await db
        .update(bridges)
        .set({ endedAt: sql`coalesce(ended_at, now())`, sweptBy: id })
        .where(
          and(
            inArray(bridges.id, [...dead]),
            sql`swept_at is null and (swept_by is null or swept_by = ${id}
              or swept_by in (select id from bridges where ended_at is not null))`,
          ),
        )
        .returning({ id: bridges.id });
      return rows.map((row) => row.id);
    },
    async openCalls(bridgeId) {
      const { rows } = await db.execute<{ runId: string; callId: string; startedAt: string }>(
        openCallsWhere(sql`${idIn('s', 'bridge')} = ${bridgeId} and s.run_id in (
          select r.id from runs r, bridges b
          where b.id = ${bridgeId} and r.completed_at is null
            and (r.bridge_id = b.id or r.kind = 'session' and r.active_at >= b.started_at))`),
      );
      return rows.map((row) => ({ ...row, startedAt: new Date(row.startedAt) }));
    },
    async findOpen(calls) {
      const runIds = sql`${sql.param(calls.map(({ runId }) => runId))}::uuid[]`;
      const callIds = sql`${sql.param(calls.map(({ callId }) => callId))}::text[]`;
      const { rows } = await db.execute<{ runId: string; callId: string }>(sql`
        select e.run_id as "runId", ${idIn('e', 'callId')} as "callId"
        from run_events e
        where e.run_id in (select id from runs where id = any (${runIds}) and completed_at is null)
          and (e.type = 'call.started' or e.type in ${ENDS}) and ${idIn('e', 'callId')} = any (${callIds})
        group by 1, 2 having bool_and(e.type = 'call.started')`);
      return rows;
    },
    async runsOfEndedSessions() {
      const { rows } = await db.execute<{ id: string }>(sql`
        select r.id from runs r left join sessions s on s.run_id = r.id
        where r.kind = 'session' and r.completed_at is null
          and (s.ended_at is not null or s.id is null and r.started_at < now() - interval '1 hour')`);
      return rows.map((row) => row.id);
    },
    async orphanedRuns(bridgeId) {
      const { rows } = await db.execute<{ id: string }>(sql`
        select id from runs
        where bridge_id = ${bridgeId} and completed_at is null and kind in ('stream', 'rest', 'bridge')
        order by id`);
      return rows.map((row) => row.id);
    },
    async hasOpenCall(runId) {
      const { rows } = await db.execute(openCallsWhere(sql`s.run_id = ${runId}`));
      return rows.length > 0;
    },
    async swept(bridgeId) {
      await db
        .update(bridges)
        .set({ sweptAt: sql`now()` })
        .where(eq(bridges.id, bridgeId));
    },
    async oldestNeeded(activeSince) {
      const { rows } = await db.execute<{ at: string | null }>(sql`
        select min(started_at) as at from runs
        where completed_at is null or active_at >= ${activeSince?.toISOString() ?? 'infinity'}::timestamptz`);
      const at = rows[0]?.at;
      return at === null || at === undefined ? undefined : new Date(at);
    },
    async eventDays() {
      const { rows } = await db.execute<{ day: string; bytes: string }>(sql`
        select to_date(right(relid::regclass::text, 8), 'YYYYMMDD')::text as day,
               pg_total_relation_size(relid)::text as bytes
        from pg_partition_tree('run_events')
        where isleaf and relid::regclass::text ~ '^run_events_[0-9]{8}$' order by 1`);
      return rows.map(({ day, bytes }) => ({ day: new Date(day), bytes: Number(bytes) }));
    },
    async countBefore(date) {
      const { rows } = await db.execute<{ runs: number; bodyBytes: string }>(sql`
        select (select count(*)::int from runs where ${isOldRun(date)}) as runs,
          (select coalesce(sum(size), 0)::text from artifacts where ${isOldBody(date)}) as "bodyBytes"`);
      return { runs: rows[0]?.runs ?? 0, bodyBytes: Number(rows[0]?.bodyBytes ?? 0) };
    },
    async removeBefore(date) {
      const before = date.toISOString();
      const runs = await db.execute(sql`delete from runs where ${isOldRun(date)}`);
      const artifacts = await db.execute(sql`delete from artifacts where ${isOldBody(date)}`);
      await db.execute(
        sql`delete from bridges where swept_at < ${before}::timestamptz
            and not exists (select from runs where bridge_id = bridges.id)`,
      );
      return { runs: runs.rowCount ?? 0, artifacts: artifacts.rowCount ?? 0 };
    },
    async notify(channel, payload) {
      await db.transaction(async (tx) => {
        await tx.execute(sql`set local synchronous_commit = off`);
        await tx.execute(sql`select pg_notify(${channel}, ${payload})`);
      });
    },
  };
}

/**
 * An id in the payload of an event, found in its text. PostgreSQL's operators on JSON fail on a payload
 * that holds `\u0000` or half a surrogate pair anywhere, and callers may send both. A quote inside a
 * string is escaped, so this pattern meets names of fields only; the log writes ids before bodies, so
 * the first one is the event's own.
 */
function idIn(event: 's' | 'e', field: 'callId' | 'bridge'): SQL {
  return sql.raw(`substring(${event}.payload::text from '"${field}":"([^"\\\\]+)"')`);
}

function fresh(staleSeconds: number): SQL {
  return sql`beat_at >= now() - make_interval(secs => ${staleSeconds}::float8)`;
}

function isOldRun(date: Date): SQL {
  return sql`started_at < ${date.toISOString()}::timestamptz and completed_at is not null`;
}

/** A body is marked as used at most a day before the last event that names it. */
function isOldBody(date: Date): SQL {
  return sql`used_at < ${date.toISOString()}::timestamptz - interval '1 day'`;
}
