// Reads a backup back: in one transaction the old tables go, the tables of the backup's time are made
// by their migrations, filled, and brought up to date. An issue anywhere leaves the database as it was.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { DrawbridgeError } from '../../errors.ts';
import { applyMigration, readApplied, toChecksum, withMigrationLock } from '../migrate.ts';
import { migrations } from '../migrations/index.ts';
import { makePartitions } from '../partitions.ts';
import { isRefusal } from '../sql-state.ts';
import {
  type BackupHeader,
  type BackupReader,
  type BackupTable,
  createBackupReader,
  damaged,
} from './format.ts';
import { listTables, quote } from './tables.ts';

export interface RestoreBackupOptions {
  /** Connected as the owner; no bridge of this home runs. */
  readonly client: ClientBase;
  readonly path: string;
  /** Replaces what the database holds. */
  readonly force: boolean;
  /** Called with the header before anything is changed; what it throws ends the restore. */
  readonly onHeader?: (header: BackupHeader) => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface RestoredBackup {
  readonly header: BackupHeader;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Migrations applied after the backup's. */
  readonly migrated: readonly string[];
}

/** Rejects with `request/invalid` for a damaged or newer file, `request/conflict` for a database in use. */
export async function restoreBackup(options: RestoreBackupOptions): Promise<RestoredBackup> {
  const { client, path, force, onHeader, signal } = options;
  const gunzip = createGunzip();
  const read = pipeline(createReadStream(path), gunzip, { signal });
  // The reader meets the same error; until it does, nobody waits for this promise.
  read.catch(() => undefined);
  try {
    const reader = createBackupReader(gunzip);
    const header = await reader.readHeader();
    const known = toKnownMigrations(header);
    await onHeader?.(header);
    return await withMigrationLock(client, async () => {
      const applied = await readApplied(client, migrations);
      await assertFree(client, force);
      await client.query('begin');
      try {
        for (const { name, down } of applied.toReversed()) {
          await client.query(down);
          await client.query('delete from migrations where name = $1', [name]);
        }
        for (const migration of known) await applyMigration(client, migration);
        await makePartitions(client, header.partitions);
        const rows = await fillTables(client, reader, signal);
        const missing = migrations.slice(known.length);
        for (const migration of missing) await applyMigration(client, migration);
        signal?.throwIfAborted();
        await client.query('commit');
        return { header, rows, migrated: missing.map(({ name }) => name) };
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    });
  } catch (error) {
    throw toIssue(error);
  } finally {
    gunzip.destroy();
  }
}

/** The migrations that the backup's database had. */
function toKnownMigrations(header: BackupHeader) {
  const known = migrations.slice(0, header.migrations.length);
  const isKnown = header.migrations.every(
    ({ name, checksum }, index) =>
      known[index]?.name === name && toChecksum(known[index].up) === checksum,
  );
  if (isKnown) return known;
  throw new DrawbridgeError(
    'request/invalid',
    `The backup has the migration ${header.migrations.at(-1)?.name}, which this version does not know. It was made by a newer Drawbridge (${header.madeBy}); restore it with that one.`,
  );
}

async function assertFree(client: ClientBase, force: boolean): Promise<void> {
  const tables = await listTables(client);
  if (tables.some(({ table }) => table === 'bridges')) {
    const { rows } = await client.query<{ host: string; pid: number }>(
      `select host, pid from bridges where ended_at is null and beat_at > now() - interval '30 seconds'`,
    );
    const [bridge] = rows;
    if (bridge !== undefined) {
      throw new DrawbridgeError(
        'request/conflict',
        `A bridge works on this database (pid ${bridge.pid} on ${bridge.host}). Stop it; one that was killed is forgotten after 30 seconds.`,
      );
    }
  }
  if (force || tables.length === 0) return;
  const { rows } = await client.query<{ used: boolean }>(
    `select ${tables.map(({ table }) => `exists (select from ${quote(table)})`).join(' or ')} as used`,
  );
  if (rows[0]?.used === true) {
    throw new DrawbridgeError(
      'request/conflict',
      'The database is not empty. Give --force to replace all that it holds, or restore into a home or database of its own.',
    );
  }
}

async function fillTables(
  client: ClientBase,
  reader: BackupReader,
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const there = await listTables(client);
  const rows: Record<string, number> = {};
  for (;;) {
    const next = await reader.readTable();
    if (next === undefined) break;
    assertThere(next, there);
    const copy = client.query(
      copyFrom(`copy ${quote(next.table)} (${next.columns.map(quote).join(', ')}) from stdin`),
    );
    await pipeline(reader.rows(), copy, { signal });
    rows[next.table] = copy.rowCount;
  }
  if (Object.keys(rows).length !== there.length) throw damaged('a table is missing in it');
  return rows;
}

function assertThere({ table, columns }: BackupTable, there: readonly BackupTable[]): void {
  const found = there.find((known) => known.table === table);
  if (found === undefined || !columns.every((column) => found.columns.includes(column))) {
    throw damaged(`its table ${table} is not of its migration`);
  }
}

/** What zlib or the database says of bytes that are not as they were written. */
function toIssue(error: unknown): unknown {
  if (error instanceof DrawbridgeError || !(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'Z_DATA_ERROR' && /header/.test(error.message)) {
    return new DrawbridgeError('request/invalid', 'It is no backup of Drawbridge.', {
      cause: error,
    });
  }
  if (code.startsWith('Z_')) return damaged('it cannot be decompressed', error);
  return isRefusal(error) ? damaged(`the database refused it: ${error.message}`, error) : error;
}
