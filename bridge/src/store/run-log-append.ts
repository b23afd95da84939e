// The statement that appends a batch of events, and how a batch becomes its parameters. Arrays in
// PostgreSQL's binary format, one for each column, because JSON would be escaped again in text.
import {
  toByteaArray,
  toFloat4Array,
  toInt2Array,
  toInt4Array,
  toTextArray,
  toTimestampArray,
  toUuidArray,
} from './binary-array.ts';
import type { RunBatch, RunRow } from './run-batch.ts';

/** The statement for a batch, and its arrays from the fourth parameter on. */
export function toAppend(batch: readonly RunBatch[]): {
  readonly statement: { readonly name: string; readonly text: string };
  readonly columns: readonly Buffer[];
} {
  const events = batch.flatMap((run, index) =>
    run.events.map((event, ord) => ({ event, run: index + 1, ord: ord + 1 })),
  );
  const isPlain =
    batch.every(({ open }) => open === undefined) &&
    events.every(({ event }) => event.artifacts.length === 0);
  const runColumns = [
    toUuidArray(batch.map(({ runId }) => runId)),
    toInt4Array(batch.map((run) => run.events.length)),
    toTextArray(batch.map(({ end }) => end ?? null)),
    toTimestampArray(batch.map((run) => run.events.at(-1)?.at ?? null)),
  ];
  const eventColumns = [
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
  ];
  if (isPlain) return { statement: APPEND_PLAIN, columns: [...runColumns, ...eventColumns] };
  const opened = batch.filter((run): run is RunBatch & { open: RunRow } => run.open !== undefined);
  const open = opened.map((run) => run.open);
  const bodies = events
    .flatMap(({ event, run }) => event.artifacts.map((artifact) => ({ artifact, run })))
    .sort((a, b) => a.artifact.sha256.compare(b.artifact.sha256));
  return {
    statement: APPEND,
    columns: [
      ...runColumns,
      ...eventColumns,
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
      toInt4Array(bodies.map(({ run }) => run)),
      toByteaArray(bodies.map(({ artifact }) => artifact.sha256)),
      toTextArray(bodies.map(({ artifact }) => artifact.mediaType)),
      toByteaArray(bodies.map(({ artifact }) => artifact.body)),
    ],
  };
}

const FENCE = `
fence as (
  update bridges set batch = $3::bigint, batch_tx = pg_current_xact_id()
  where id = $1::uuid and batch = $2::bigint and ended_at is null
  returning id
), batch as materialized (
  select * from unnest($4::uuid[], $5::int[], $6::text[], $7::timestamptz[])
    with ordinality as b (id, events, ending, active_at, run)
)`;

const OPENED = `
opened as (
  insert into runs (id, tenant_id, project, created_by, kind, title, parent_id, client, stream_key,
                    started_at, bridge_id, status, completed_at, last_seq, active_at)
  select o.id, o.tenant_id, o.project, o.created_by, o.kind, o.title, o.parent_id, o.client, o.stream_key,
         o.started_at, $1::uuid, coalesce(b.ending, 'working'),
         case when b.ending is not null then b.active_at end, b.events, b.active_at
  from unnest($15::uuid[], $16::uuid[], $17::text[], $18::uuid[], $19::text[], $20::text[], $21::uuid[],
              $22::text[], $23::text[], $24::timestamptz[], $25::int[])
    as o (id, tenant_id, project, created_by, kind, title, parent_id, client, stream_key, started_at, run)
  join batch b on b.run = o.run
  where exists (select from fence)
  returning id, tenant_id, created_by
)`;

const LOCKED = `
locked as materialized (
  select id, tenant_id, created_by, last_seq, completed_at is not null as ended
  from runs where id = any ($4::uuid[]) and exists (select from fence)
  order by id for no key update
)`;

/** Nothing is written of a run that has ended. */
const PLACED_LOCKED = `
  select b.run, b.id, l.tenant_id, l.created_by, l.last_seq as base, b.ending, b.active_at, l.ended,
         case when l.ended then 0 else b.events end as events
  from batch b join locked l on l.id = b.id`;

const PLACED_OPENED = `
  select b.run, b.id, o.tenant_id, o.created_by, 0, null, b.active_at, true, b.events
  from batch b join opened o on o.id = b.id`;

const WRITTEN = `
raised as (
  update runs set last_seq = p.base + p.events, active_at = greatest(runs.active_at, p.active_at),
    status = coalesce(p.ending, runs.status),
    completed_at = case when p.ending is null then runs.completed_at else p.active_at end
  from placed p where runs.id = any ($4::uuid[]) and runs.id = p.id and not p.ended
), written as (
  insert into run_events (run_id, seq, tenant_id, type, version, at, duration_ms, payload)
  select p.id, p.base + e.ord, p.tenant_id, e.type, e.version, e.at, e.duration_ms, e.payload
  from unnest($8::int[], $9::int[], $10::text[], $11::smallint[], $12::timestamptz[], $13::real[], $14::json[])
    as e (run, ord, type, version, at, duration_ms, payload)
  join placed p on p.run = e.run
  where e.ord <= p.events
  order by p.id, e.ord
)`;

const STORED = `
present as (
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
), named as (
  insert into run_artifacts (tenant_id, sha256, user_id, run_id)
  select p.tenant_id, a.sha256, p.created_by, p.id
  from unnest($26::int[], $27::bytea[]) as a (run, sha256) join placed p on p.run = a.run
  on conflict do nothing
)`;

const RESULT = `
select 0 as run, 0 as base, 0 as events from fence
union all
select run::int, base, events from placed`;

/**
 * One statement, so that it is one round trip and one commit. Rows of `runs` are locked in the order
 * of their ids and bodies are inserted in the order of their hashes, so that two bridges never wait
 * for each other in a circle. A body that is there already is only marked as used, at most once a
 * day: retention goes by that mark.
 */
const APPEND = {
  name: 'append',
  text: `with ${FENCE}, ${OPENED}, ${LOCKED}, placed as materialized (${PLACED_LOCKED}
  union all ${PLACED_OPENED}), ${WRITTEN}, ${STORED} ${RESULT}`,
};

/** The same for what most batches are: events of open runs, without large bodies. Half the work. */
const APPEND_PLAIN = {
  name: 'append_plain',
  text: `with ${FENCE}, ${LOCKED}, placed as materialized (${PLACED_LOCKED}), ${WRITTEN} ${RESULT}`,
};
