// The statement that writes the log, and what makes it safe to repeat. Each batch carries a number;
// the bridge's row remembers the last one applied, and a batch applies only on top of the one before.
// So when the connection dies inside a commit, the outcome is not guessed: the row tells whether the
// batch is there, and raising the number makes sure that a statement still on its way can no longer
// land. The same row keeps out a bridge that was taken for dead and whose runs were ended.
import { setTimeout } from 'node:timers/promises';
import type { Client } from 'pg';
import { DrawbridgeError, toMessage } from '../errors.ts';
import {
  toByteaArray,
  toFloat4Array,
  toInt2Array,
  toInt4Array,
  toTextArray,
  toTimestampArray,
  toUuidArray,
} from './binary-array.ts';
import { isRefusal } from './refusal.ts';

/** A run's row as it is inserted; times are milliseconds since 1970. */
export interface RunRow {
  readonly id: string;
  readonly tenantId: string;
  readonly project: string;
  readonly createdBy: string;
  readonly kind: string;
  readonly title: string;
  readonly parentId: string | null;
  readonly client: string | null;
  readonly streamKey: string | null;
  readonly startedAt: number;
}

export interface ArtifactRow {
  readonly sha256: Buffer;
  readonly mediaType: string;
  readonly body: Buffer;
}

export interface EventRow {
  readonly type: string;
  readonly version: number;
  readonly at: number;
  readonly durationMs: number | null;
  /** JSON text. */
  readonly payload: string;
  readonly artifacts: readonly ArtifactRow[];
}

/** The events of one run in a batch, in order. */
export interface RunBatch {
  readonly runId: string;
  readonly open?: RunRow;
  readonly events: readonly EventRow[];
  /** Set when the last event ends the run; it is left out when the run has ended already. */
  readonly end?: 'completed' | 'failed' | 'cancelled';
}

/** The seq before the first event written; undefined when there is no such run. */
export type WrittenRun = { readonly base: number; readonly written: number } | undefined;

/** The database looked at the batch and said no; nothing of it was written. */
export class BatchRefused extends Error {
  constructor(cause: unknown) {
    super(toMessage(cause), { cause });
    this.name = 'BatchRefused';
  }
}

export interface RunLogStore {
  /**
   * Writes all of a batch or nothing; `until` is the time (milliseconds) to give up waiting for the
   * database. Rejects with {@link BatchRefused}, `log/unavailable` (nothing was written) or
   * `log/outcome_unknown`. One call at a time.
   */
  write(batch: readonly RunBatch[], until: number): Promise<readonly WrittenRun[]>;
  close(): Promise<void>;
}

export interface RunLogStoreOptions {
  /** The row of `bridges` that this process registered. */
  readonly bridgeId: string;
  /** Opens a connection of its own for the log; rejects when the database is away. */
  readonly connect: () => Promise<Client>;
  /** Longest time for one statement or for learning its outcome after a lost connection, in milliseconds. */
  readonly patience?: number;
  readonly now?: () => number;
}

const RETRY_MS = 50;
/** A slow disk's rate, which a large batch may take on top of `patience`. */
const BYTES_PER_MS = 4_096;

export function createRunLogStore({
  bridgeId,
  connect,
  patience = 5_000,
  now = Date.now,
}: RunLogStoreOptions): RunLogStore {
  let client: Client | undefined;
  /** The number of the last batch applied, while it is known. */
  let applied: number | undefined;
  let last = 0;
  /** Whether a batch was sent whose outcome is not known yet. */
  let unsettled = false;
  let closed = false;

  const connection = async (): Promise<Client> => {
    if (closed) throw new DrawbridgeError('log/unavailable', 'The log is closed.');
    if (client !== undefined) return client;
    const opened = await connect();
    const drop = (): void => {
      if (client === opened) client = undefined;
    };
    opened.on('error', drop);
    opened.on('end', drop);
    await opened.query(SESSION);
    client = opened;
    return opened;
  };

  const lose = (): void => {
    // Ending politely could wait for a server that no longer answers.
    client?.connection.stream.destroy();
    client = undefined;
  };

  /**
   * Learns the number of the last batch applied. Raising it first makes sure that a batch whose
   * outcome is unknown either is there already or will never be.
   */
  const settle = async (): Promise<number> => {
    const db = await connection();
    const fresh = ++last;
    const burnt = await withTimeout(
      db.query('update bridges set batch = $3 where id = $1 and batch = $2', [
        bridgeId,
        applied ?? -1,
        fresh,
      ]),
      patience,
    );
    if (burnt.rowCount === 1) return fresh;
    const { rows } = await withTimeout(
      db.query<{ batch: string }>('select batch from bridges where id = $1', [bridgeId]),
      patience,
    );
    if (rows[0] === undefined) {
      throw new DrawbridgeError('log/unavailable', 'This bridge is not registered in its store.');
    }
    return Number(rows[0].batch);
  };

  const resume = async (): Promise<void> => {
    if (applied === undefined || unsettled) {
      applied = await settle();
      last = Math.max(last, applied);
      unsettled = false;
    }
    await connection();
  };

  const send = async (values: Parameters, number: number): Promise<readonly Row[]> => {
    const db = await connection();
    const { rows } = await withTimeout(
      db.query<Row>({ name: 'append', text: APPEND, values: [...values], rowMode: 'array' }),
      patience + toBytes(values) / BYTES_PER_MS,
    );
    applied = rows.length === 0 ? undefined : number;
    return rows;
  };

  /** Repeats `work` while the database is away. */
  const persist = async <T>(work: () => Promise<T>, until: number): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (isRefusal(error) || error instanceof DrawbridgeError) throw error;
        lose();
        if (now() + RETRY_MS > until) throw error;
        await setTimeout(RETRY_MS);
      }
    }
  };

  /** What became of a batch whose commit was not answered; undefined when it did not take place. */
  const recover = async (
    batch: readonly RunBatch[],
    number: number,
    until: number,
  ): Promise<readonly WrittenRun[] | undefined> => {
    unsettled = true;
    try {
      await persist(resume, until);
      if (applied !== number) return undefined;
      const runIds = toUuidArray(batch.map(({ runId }) => runId));
      return await persist(async () => {
        const db = await connection();
        const { rows } = await withTimeout(
          db.query<Row>({ text: RECOVER, values: [bridgeId, runIds], rowMode: 'array' }),
          patience,
        );
        return toWritten(batch, rows);
      }, until);
    } catch (error) {
      throw new DrawbridgeError(
        'log/outcome_unknown',
        'The connection to the database was lost in a commit, and it could not be learned whether the commit took place.',
        { cause: error },
      );
    }
  };

  const write = async (
    batch: readonly RunBatch[],
    until: number,
  ): Promise<readonly WrittenRun[]> => {
    const columns = toColumns(batch);
    let fenced = false;
    for (;;) {
      await persist(resume, until).catch((error: unknown) => {
        throw toUnavailable(error);
      });
      const number = ++last;
      try {
        const rows = await send([bridgeId, String(applied), String(number), ...columns], number);
        if (rows.length > 0) return toWritten(batch, rows);
      } catch (error) {
        if (isRefusal(error)) throw new BatchRefused(error);
        if (error instanceof DrawbridgeError) throw error;
        lose();
        const written = await recover(batch, number, Math.max(until, now() + patience));
        if (written !== undefined) return written;
        if (now() + RETRY_MS > until) throw toUnavailable(error);
        await setTimeout(RETRY_MS);
        continue;
      }
      // The bridge's row says otherwise than we thought: look again once.
      if (fenced) throw takenForDead();
      fenced = true;
    }
  };

  return {
    write,
    async close() {
      closed = true;
      const open = client;
      client = undefined;
      await open?.end();
    },
  };
}

function takenForDead(): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    'This bridge gave no sign of life for too long and was taken for dead; it may write again after its next heartbeat.',
  );
}

function toUnavailable(error: unknown): DrawbridgeError {
  if (error instanceof DrawbridgeError) return error;
  return new DrawbridgeError('log/unavailable', `The log's database is away: ${toMessage(error)}`, {
    cause: error,
  });
}

type Row = [run: number, base: number, written: number];
type Parameters = readonly (string | Buffer)[];

function toWritten(batch: readonly RunBatch[], rows: readonly Row[]): readonly WrittenRun[] {
  const result = Array.from<WrittenRun>({ length: batch.length });
  // Run 0 only says that the batch was let through.
  for (const [run, base, written] of rows) if (run > 0) result[run - 1] = { base, written };
  return result;
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer from the database in ${Math.round(ms)} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

function toBytes(values: Parameters): number {
  return values.reduce((total, value) => total + value.length, 0);
}

/** The arrays of {@link APPEND}, from its fourth parameter on. */
function toColumns(batch: readonly RunBatch[]): readonly Buffer[] {
  const opened = batch.filter((run): run is RunBatch & { open: RunRow } => run.open !== undefined);
  const open = opened.map((run) => run.open);
  const events = batch.flatMap((run, index) =>
    run.events.map((event, ord) => ({ event, run: index + 1, ord: ord + 1 })),
  );
  const bodies = events
    .flatMap(({ event, run }) => event.artifacts.map((artifact) => ({ artifact, run })))
    .sort((a, b) => a.artifact.sha256.compare(b.artifact.sha256));
  return [
    toUuidArray(batch.map(({ runId }) => runId)),
    toInt4Array(batch.map((run) => run.events.length)),
    toTextArray(batch.map(({ end }) => end ?? null)),
    toTimestampArray(batch.map((run) => run.events.at(-1)?.at ?? null)),
    toUuidArray(open.map((run) => run.id)),
    toUuidArray(open.map((run) => run.tenantId)),
    toTextArray(open.map((run) => run.project)),
    toUuidArray(open.map((run) => run.createdBy)),
    toTextArray(open.map((run) => run.kind)),
    toTextArray(open.map((run) => run.title)),
    toUuidArray(open.map((run) => run.parentId)),
    toTextArray(open.map((run) => run.client)),
    toTextArray(open.map((run) => run.streamKey)),
    toTimestampArray(open.map((run) => run.startedAt)),
    toInt4Array(opened.map((run) => batch.indexOf(run) + 1)),
    toInt4Array(events.map(({ run }) => run)),
    toInt4Array(events.map(({ ord }) => ord)),
    toTextArray(events.map(({ event }) => event.type)),
    toInt2Array(events.map(({ event }) => event.version)),
    toTimestampArray(events.map(({ event }) => event.at)),
    toFloat4Array(events.map(({ event }) => event.durationMs)),
    toTextArray(
      events.map(({ event }) => event.payload),
      'json',
    ),
    toInt4Array(bodies.map(({ run }) => run)),
    toByteaArray(bodies.map(({ artifact }) => artifact.sha256)),
    toTextArray(bodies.map(({ artifact }) => artifact.mediaType)),
    toByteaArray(bodies.map(({ artifact }) => artifact.body)),
  ];
}

/** Joins are by hash, because a generic plan cannot know that its arrays are long; they fit in memory. */
const SESSION =
  "set enable_nestloop = off; set plan_cache_mode = force_generic_plan; set work_mem = '32MB'";

/**
 * One statement, so that it is one round trip and one commit. Rows of `runs` are locked in the order
 * of their ids and bodies are inserted in the order of their hashes, so that two bridges never wait
 * for each other in a circle. A body that is there already is only marked as used, at most once a
 * day: retention goes by that mark.
 */
const APPEND = `
with fence as (
  update bridges set batch = $3::bigint, batch_tx = pg_current_xact_id()
  where id = $1::uuid and batch = $2::bigint and ended_at is null
  returning id
), batch as materialized (
  select * from unnest($4::uuid[], $5::int[], $6::text[], $7::timestamptz[])
    with ordinality as b (id, events, ending, active_at, run)
), opened as (
  insert into runs (id, tenant_id, project, created_by, kind, title, parent_id, client, stream_key,
                    started_at, bridge_id, status, completed_at, last_seq, active_at)
  select o.id, o.tenant_id, o.project, o.created_by, o.kind, o.title, o.parent_id, o.client, o.stream_key,
         o.started_at, $1::uuid, coalesce(b.ending, 'working'),
         case when b.ending is not null then b.active_at end, b.events, b.active_at
  from unnest($8::uuid[], $9::uuid[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::uuid[],
              $15::text[], $16::text[], $17::timestamptz[], $18::int[])
    as o (id, tenant_id, project, created_by, kind, title, parent_id, client, stream_key, started_at, run)
  join batch b on b.run = o.run
  where exists (select from fence)
  returning id, tenant_id
), locked as materialized (
  select id, tenant_id, last_seq, completed_at is not null as ended
  from runs where id = any ($4::uuid[]) and exists (select from fence)
  order by id for no key update
), placed as materialized (
  select b.run, b.id, l.tenant_id, l.last_seq as base, b.ending, b.active_at, l.ended,
         b.events - (b.ending is not null and l.ended)::int as events
  from batch b join locked l on l.id = b.id
  union all
  select b.run, b.id, o.tenant_id, 0, null, b.active_at, true, b.events
  from batch b join opened o on o.id = b.id
), raised as (
  update runs set last_seq = p.base + p.events, active_at = greatest(runs.active_at, p.active_at),
    status = case when p.ended then runs.status else coalesce(p.ending, runs.status) end,
    completed_at = case when p.ended or p.ending is null then runs.completed_at else p.active_at end
  from placed p where runs.id = any ($4::uuid[]) and runs.id = p.id
), written as (
  insert into run_events (run_id, seq, tenant_id, type, version, at, duration_ms, payload)
  select p.id, p.base + e.ord, p.tenant_id, e.type, e.version, e.at, e.duration_ms, e.payload
  from unnest($19::int[], $20::int[], $21::text[], $22::smallint[], $23::timestamptz[], $24::real[], $25::json[])
    as e (run, ord, type, version, at, duration_ms, payload)
  join placed p on p.run = e.run
  where e.ord <= p.events
), present as (
  select max(active_at) as at, max(active_at) - interval '1 day' as yesterday from placed
), used as (
  update artifacts set used_at = (select at from present)
  where used_at < (select yesterday from present) and ctid = any (array(
    select (select x.ctid from artifacts x where x.tenant_id = p.tenant_id and x.sha256 = a.sha256
              and x.used_at < (select yesterday from present))
    from unnest($26::int[], $27::bytea[]) as a (run, sha256) join placed p on p.run = a.run))
  returning 1
), stored as (
  insert into artifacts (tenant_id, sha256, media_type, size, body, created_at, used_at)
  select p.tenant_id, a.sha256, a.media_type, octet_length(a.body), a.body, p.active_at, p.active_at
  from unnest($26::int[], $27::bytea[], $28::text[], $29::bytea[]) as a (run, sha256, media_type, body)
  join placed p on p.run = a.run
  where (select count(*) from used) >= 0
  on conflict do nothing
)
select 0 as run, 0 as base, 0 as events from fence
union all
select run::int, base, events from placed`;

/** The same rows as {@link APPEND} returns, of the last batch applied. */
const RECOVER = `
select b.run::int, min(e.seq) - 1, count(*)::int
from bridges w
join unnest($2::uuid[]) with ordinality as b (id, run) on true
join run_events e on e.run_id = b.id and e.tx = w.batch_tx
where w.id = $1::uuid
group by b.run`;
