// Writes a backup: one snapshot of all tables, while bridges go on writing. It streams from the
// database through compression to the disk, so it needs no more memory than the largest row.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { DrawbridgeError } from '../../errors.ts';
import { listPartitions } from '../partitions.ts';
import { takeBackupLock } from './backup-lock.ts';
import { createDraft } from './draft.ts';
import { type BackupHeader, type BackupTable, END_OF_ROWS, toHeader, toLine } from './format.ts';
import { listTables, quote } from './tables.ts';

export interface WriteBackupOptions {
  /** Connected as the owner; it is not to be used for anything else afterwards. */
  readonly client: ClientBase;
  /** Replaced when it is there. */
  readonly path: string;
  /** Of this Drawbridge. */
  readonly version: string;
  readonly files: BackupHeader['files'];
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

export interface WrittenBackup {
  /** The last one applied to the database. */
  readonly migration: string;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Of the file. */
  readonly bytes: number;
}

/** The file is whole or not there; only its owner may read it. */
export async function writeBackup(options: WriteBackupOptions): Promise<WrittenBackup> {
  const { client, path, signal } = options;
  await takeBackupLock(client);
  const tables = await listTables(client);
  if (tables.length === 0) {
    throw new DrawbridgeError('request/not_found', 'The database is empty: nothing to back up.');
  }
  await client.query(`
    begin isolation level repeatable read, read only;
    set local datestyle = 'ISO'; set local bytea_output = 'hex'; set local timezone = 'UTC';
    lock table ${tables.map(({ table }) => quote(table)).join(', ')} in access share mode;`);
  const header = await readHeader(options);
  const rows: Record<string, number> = {};
  const draft = await createDraft(path);
  try {
    await pipeline(
      withChecksum(readTables({ client, header, tables, rows })),
      createGzip(),
      createWriteStream(draft.path, { flags: 'r+' }),
      { signal },
    );
    await client.query('commit');
    await sync(draft.path);
    await rename(draft.path, path);
  } finally {
    await draft.close();
  }
  return {
    migration: header.migrations.at(-1)?.name ?? '',
    rows,
    bytes: (await stat(path)).size,
  };
}

async function readHeader({
  client,
  version,
  files,
  now = () => new Date(),
}: WriteBackupOptions): Promise<BackupHeader> {
  const { rows: migrations } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from migrations order by name',
  );
  return toHeader({
    createdAt: now().toISOString(),
    madeBy: version,
    migrations,
    partitions: [...(await listPartitions(client))],
    files,
  });
}

async function* readTables({
  client,
  header,
  tables,
  rows,
}: {
  client: ClientBase;
  header: BackupHeader;
  tables: readonly BackupTable[];
  rows: Record<string, number>;
}): AsyncGenerator<Buffer> {
  yield toLine(header);
  for (const { table, columns } of tables) {
    yield toLine({ table, columns });
    // From a query, because COPY of a partitioned table itself is refused.
    const copy = client.query(
      copyTo(`copy (select ${columns.map(quote).join(', ')} from ${quote(table)}) to stdout`),
    );
    yield* copy;
    rows[table] = copy.rowCount;
    yield Buffer.from(END_OF_ROWS);
  }
}

async function* withChecksum(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  yield toLine({ sha256: hash.digest('hex') });
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
