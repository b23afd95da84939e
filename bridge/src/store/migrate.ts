// Brings a database to the shape that this build knows, or back. One bridge at a time, by an advisory
// lock, because several may start against one database at once. Each migration is one transaction
// and is remembered with the hash of its text: an edited one is refused, as what it made is unknown.
import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { type Migration, migrations as ours } from './migrations/index.ts';

/** "drawbrid", as the 64-bit key of the advisory lock. */
const LOCK_KEY = '7237954716518476132';

interface MigrateOptions {
  readonly migrations?: readonly Migration[];
}

/** Applies what is missing; returns the names applied. Rejects with `store/start_failed`. */
export async function migrate(
  client: ClientBase,
  { migrations = ours }: MigrateOptions = {},
): Promise<readonly string[]> {
  return withMigrationLock(client, async () => {
    const missing = migrations.slice((await readApplied(client, migrations)).length);
    for (const migration of missing) {
      await inTransaction(client, migration.name, () => applyMigration(client, migration));
    }
    return missing.map(({ name }) => name);
  });
}

/** Undoes the last `count` migrations; returns their names, the newest first. */
export async function migrateBack(
  client: ClientBase,
  { count, migrations = ours }: MigrateOptions & { readonly count: number },
): Promise<readonly string[]> {
  return withMigrationLock(client, async () => {
    const applied = await readApplied(client, migrations);
    const undone = applied.slice(Math.max(0, applied.length - count)).reverse();
    for (const { name, down } of undone) {
      await inTransaction(client, name, async () => {
        await client.query(down);
        await client.query('delete from migrations where name = $1', [name]);
      });
    }
    return undone.map(({ name }) => name);
  });
}

/** One bridge of a database at a time. It may be taken again inside. */
export async function withMigrationLock<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('select pg_advisory_lock($1)', [LOCK_KEY]);
  try {
    return await work();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);
  }
}

/** The caller holds the lock and has begun a transaction. */
export async function applyMigration(client: ClientBase, { name, up }: Migration): Promise<void> {
  await client.query(up);
  await client.query('insert into migrations (name, checksum) values ($1, $2)', [
    name,
    toChecksum(up),
  ]);
}

/** Rejects with `store/start_failed` when the database has other migrations than these. */
export async function readApplied(
  client: ClientBase,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  await client.query(`create table if not exists migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`);
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from migrations order by name',
  );
  return rows.map(({ name, checksum }, index) => {
    const migration = migrations[index];
    if (migration?.name !== name) {
      throw new DrawbridgeError(
        'store/start_failed',
        `The database has the migration ${name}, which this version does not know. It was made by a newer Drawbridge: start that one, or give this one a database of its own.`,
      );
    }
    if (toChecksum(migration.up) !== checksum) {
      throw new DrawbridgeError(
        'store/start_failed',
        `The migration ${name} was changed after it was applied to this database. Start the version that applied it, or begin with a fresh database.`,
      );
    }
    return migration;
  });
}

async function inTransaction(
  client: ClientBase,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new DrawbridgeError('store/start_failed', `The migration ${name} failed.`, {
      cause: error,
    });
  }
}

export function toChecksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
