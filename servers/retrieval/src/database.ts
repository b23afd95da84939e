// One SQLite file that several processes may use at once (WAL). Opening it never fails for what the
// file contains: a damaged one is moved aside and begun anew, one of another schema is emptied. So
// whatever is kept here must be what can be made again.
import { renameSync, rmSync, statSync } from 'node:fs';
import type Libsql from 'libsql';

export type Database = InstanceType<typeof Libsql>;

export interface OpenDatabaseOptions {
  path: string;
  /** Raised with every change of `schema`. */
  version: number;
  /** Statements that make what an empty file lacks. */
  schema: string;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** Whether the file at the path is still the one that was opened. */
  isCurrent(): boolean;
  close(): void;
}

/** How long a statement waits for another process that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 2_000;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** Whether what SQLite threw says that the file is not, or no longer, a sound database. */
export function isDamage(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return (
    /^SQLITE_(?:CORRUPT|NOTADB|FORMAT)/.test(codeOf(error)) ||
    /malformed|not a database|disk image/.test(text)
  );
}

/** Whether another process held the file for longer than a statement waits. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error));
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Moves a damaged database aside, unless another process did so already. One such file is kept. */
export function moveAside(path: string, inode: number | undefined): void {
  if (inode !== undefined && inodeOf(path) !== inode) return;
  for (const end of ['', '-wal', '-shm']) {
    if (inodeOf(path + end) === undefined) continue;
    if (end === '') renameSync(path, `${path}.damaged`);
    else rmSync(path + end, { force: true });
  }
}

function prepareSchema(database: Database, { version, schema }: OpenDatabaseOptions): void {
  const versionOf = (): number => {
    // The shape is SQLite's own.
    const row = database.prepare('pragma user_version').get() as { user_version: number };
    return row.user_version;
  };
  if (versionOf() === version) return;
  database.exec('begin immediate');
  try {
    // Another process may have been quicker.
    if (versionOf() !== version) {
      // What a virtual table keeps in others goes with it.
      for (const kind of ['create virtual table%', 'create table%']) {
        const tables = database
          .prepare("select name from sqlite_schema where sql like ? and name not like 'sqlite_%'")
          .all([kind]) as { name: string }[];
        for (const { name } of tables) {
          database.exec(`drop table "${name.replaceAll('"', '""')}"`);
        }
      }
      database.exec(schema);
      database.exec(`pragma user_version = ${version}`);
    }
    database.exec('commit');
  } catch (error) {
    database.exec('rollback');
    throw error;
  }
}

async function openOnce(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  // A native library, which no start should wait for.
  const { default: Constructor } = await import('libsql');
  const database = new Constructor(options.path);
  try {
    database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    database.prepare('pragma journal_mode = wal').get();
    database.exec('pragma synchronous = normal');
    // Pages after which what was written is brought into the file, with a wait for the disk.
    database.exec('pragma wal_autocheckpoint = 8000');
    // In KB, when negative.
    database.exec('pragma cache_size = -8000');
    prepareSchema(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
  const inode = inodeOf(options.path);
  let closed = false;
  return {
    database,
    isCurrent: () => !closed && inodeOf(options.path) === inode,
    close() {
      if (closed) return;
      closed = true;
      database.close();
    },
  };
}

/** Opens the file, or what takes its place when it is damaged. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const inode = inodeOf(options.path);
  try {
    return await openOnce(options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    moveAside(options.path, inode);
    return openOnce(options);
  }
}

/** Runs `work` in one transaction that may write. */
export function inTransaction<T>(database: Database, work: () => T): T {
  database.exec('begin immediate');
  try {
    const result = work();
    database.exec('commit');
    return result;
  } catch (error) {
    database.exec('rollback');
    throw error;
  }
}
