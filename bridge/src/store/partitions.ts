// The log lies in partitions of one day, so that retention drops tables and deletes no rows. A run's id
// is a UUID v7, which begins with the milliseconds of its making, so a day is a range of ids. Ids from
// other days (a clock that was wrong, a machine that slept for weeks) lie in the default partition
// until the partition of their day is made.
import type { ClientBase } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { unlessBackup } from './backup/backup-lock.ts';
import { withMigrationLock } from './migrate.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 7;
const NAME = /^run_events_(\d{4})(\d{2})(\d{2})$/;

/** Makes those of yesterday to a week from `now` that are missing; returns their names. Owner only. */
export async function ensurePartitions(client: ClientBase, now: Date): Promise<readonly string[]> {
  return withMigrationLock(client, async () => {
    const there = new Set(await listPartitions(client));
    const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
    const days = Array.from({ length: DAYS_AHEAD + 2 }, (_, index) => today + (index - 1) * DAY_MS);
    const missing = days.map(toPartitionName).filter((name) => !there.has(name));
    if (missing.length === 0) return [];
    // Until a backup is done, events of these days lie in the default partition.
    const made = await unlessBackup(client, async () => {
      await makePartitions(client, missing);
      return missing;
    });
    return made ?? [];
  });
}

/** In one transaction, or in the caller's. Owner only. */
export async function makePartitions(client: ClientBase, names: readonly string[]): Promise<void> {
  // Statements in one query are one transaction.
  await client.query(names.map(toMakeStatements).join(''));
}

/**
 * Drops the days that ended before `date`, and such events elsewhere; returns the names. Rejects with
 * `request/conflict` while a backup is made. Owner only.
 */
export async function dropPartitionsBefore(
  client: ClientBase,
  date: Date,
): Promise<readonly string[]> {
  return withMigrationLock(client, async () => {
    const old = (await listPartitions(client)).filter((name) => {
      const day = toDay(name);
      return day !== undefined && day + DAY_MS <= date.getTime();
    });
    const drop = `
      ${old.map((name) => `drop table ${name};`).join('')}
      alter table run_events_rest disable trigger run_events_append_only;
      delete from run_events_rest where run_id < '${toFirstId(date.getTime())}';
      alter table run_events_rest enable trigger run_events_append_only;`;
    const done = await unlessBackup(client, () => client.query(drop));
    if (done !== undefined) return old;
    throw new DrawbridgeError(
      'request/conflict',
      'A backup of the database is being made; old events stay until it is done.',
    );
  });
}

/** The names of the partitions of days, the oldest first. */
export async function listPartitions(client: ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relid::regclass::text as name from pg_partition_tree('run_events') where isleaf order by 1`,
  );
  return rows.map(({ name }) => name).filter((name) => NAME.test(name));
}

/** The least UUID v7 of a time, in milliseconds since 1970. */
export function toFirstId(time: number): string {
  const hex = Math.max(0, time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

function toPartitionName(day: number): string {
  return `run_events_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function toDay(name: string): number | undefined {
  const [, year, month, day] = NAME.exec(name) ?? [];
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T00:00:00Z`);
}

/** Attaching fails while the default partition holds ids of the day, so they move. */
function toMakeStatements(name: string): string {
  const day = toDay(name);
  if (day === undefined) throw new RangeError(`${name} names no day`);
  const [from, to] = [toFirstId(day), toFirstId(day + DAY_MS)];
  return `
    create table ${name} (like run_events including defaults including constraints including storage);
    alter table run_events_rest disable trigger run_events_append_only;
    with moved as (
      delete from run_events_rest where run_id >= '${from}' and run_id < '${to}' returning *
    ) insert into ${name} select * from moved;
    alter table run_events_rest enable trigger run_events_append_only;
    alter table run_events attach partition ${name} for values from ('${from}') to ('${to}');
    create trigger run_events_no_truncate before truncate on ${name}
      for each statement execute function refuse_change();`;
}
