import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  dropPartitionsBefore,
  ensurePartitions,
  listPartitions,
  toFirstId,
} from '../../src/store/partitions.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

const TENANT = '00000000-0000-7000-8000-000000000001';
const NOON = new Date('2026-03-01T12:00:00Z');

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

/** Writes an event of a run that began at a time; returns the partition it lies in. */
async function writeEvent(at: string, seq = 1): Promise<string> {
  const runId = `${toFirstId(Date.parse(at)).slice(0, 14)}7000-8000-000000000000`;
  const { rows } = await client.query<{ place: string }>(
    `insert into run_events (run_id, seq, tenant_id, type, version, at, payload)
     values ($1, $2, $3, 'run.started', 1, now(), '{}') returning tableoid::regclass::text as place`,
    [runId, seq, TENANT],
  );
  return rows[0]?.place ?? '';
}

test('makes the days from yesterday to a week ahead, once', async () => {
  const made = await ensurePartitions(client, NOON);
  expect(made).toEqual([
    'run_events_20260228',
    'run_events_20260301',
    'run_events_20260302',
    'run_events_20260303',
    'run_events_20260304',
    'run_events_20260305',
    'run_events_20260306',
    'run_events_20260307',
    'run_events_20260308',
  ]);
  expect(await ensurePartitions(client, NOON)).toEqual([]);
  expect(await ensurePartitions(client, new Date('2026-03-02T00:00:00Z'))).toEqual([
    'run_events_20260309',
  ]);
});

test('puts an event into the day in which its run began, to the millisecond', async () => {
  await ensurePartitions(client, NOON);
  expect(await writeEvent('2026-03-01T00:00:00.000Z')).toBe('run_events_20260301');
  expect(await writeEvent('2026-03-01T23:59:59.999Z')).toBe('run_events_20260301');
  expect(await writeEvent('2026-03-02T00:00:00.000Z')).toBe('run_events_20260302');
});

test('keeps events of other days, and moves them when the partition of their day is made', async () => {
  await ensurePartitions(client, NOON);
  expect(await writeEvent('2026-04-10T08:00:00Z')).toBe('run_events_rest');
  expect(await writeEvent('2001-01-01T00:00:00Z')).toBe('run_events_rest');

  await ensurePartitions(client, new Date('2026-04-10T09:00:00Z'));
  const { rows } = await client.query<{ place: string }>(
    'select tableoid::regclass::text as place from run_events order by run_id',
  );
  expect(rows.map(({ place }) => place)).toEqual(['run_events_rest', 'run_events_20260410']);
});

test('drops the days that ended before a date, and such events in the default partition', async () => {
  await ensurePartitions(client, NOON);
  await writeEvent('2001-01-01T00:00:00Z');
  await writeEvent('2026-02-28T10:00:00Z');
  await writeEvent('2026-03-01T10:00:00Z');

  const dropped = await dropPartitionsBefore(client, new Date('2026-03-01T18:00:00Z'));
  expect(dropped).toEqual(['run_events_20260228']);
  expect((await listPartitions(client))[0]).toBe('run_events_20260301');
  const { rows } = await client.query<{ place: string }>(
    'select tableoid::regclass::text as place from run_events',
  );
  expect(rows).toEqual([{ place: 'run_events_20260301' }]);
});

test('two bridges that make partitions at once make each once', async () => {
  const other = new Client({ connectionString: database.url });
  await other.connect();
  const made = await Promise.all([ensurePartitions(client, NOON), ensurePartitions(other, NOON)]);
  await other.end();
  expect(made.flat()).toHaveLength(9);
});

test('partitions keep bodies uncompressed and have the keys and indexes of the whole', async () => {
  await ensurePartitions(client, NOON);
  const { rows } = await client.query<{ name: string; storage: string; indexes: number }>(
    `select p.relid::regclass::text as name, a.attstorage as storage,
       (select count(*)::int from pg_index i where i.indrelid = p.relid) as indexes
     from pg_partition_tree('run_events') p
     join pg_attribute a on a.attrelid = p.relid and a.attname = 'payload'`,
  );
  expect(rows).toHaveLength(11);
  for (const row of rows) expect(row).toMatchObject({ storage: 'e', indexes: 2 });
});

test('nobody, the owner included, changes or removes an event', async () => {
  await ensurePartitions(client, NOON);
  await writeEvent('2026-03-01T10:00:00Z');
  await writeEvent('2001-01-01T00:00:00Z');
  for (const sql of [
    'update run_events set type = $$x$$',
    'delete from run_events',
    'truncate run_events',
    'truncate run_events_20260301',
    'truncate run_events_rest',
    'delete from run_events_20260301',
    'update run_events_rest set type = $$x$$',
  ]) {
    await expect(client.query(sql)).rejects.toThrow(/append-only/);
  }
});

test('the role of the bridge has no right to, and none on partitions', async () => {
  await ensurePartitions(client, NOON);
  await client.query('set role drawbridge_app');
  expect(await writeEvent('2026-03-01T10:00:00Z')).toBe('run_events_20260301');
  for (const sql of [
    'update run_events set type = $$x$$',
    'delete from run_events',
    'truncate run_events',
    'select from run_events_20260301',
    'insert into run_events_rest select * from run_events',
    'alter table run_events disable trigger all',
    'drop table run_events_20260301',
    'insert into migrations values ($$x$$, $$y$$)',
  ]) {
    await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
  }
  expect((await client.query('select from run_events')).rowCount).toBe(1);
});
