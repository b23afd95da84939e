// The database of one root: its files, their definitions and imports, and the pieces that are ranked.
// All calls are short and synchronous; a file's rows are replaced in one transaction.
import {
  EMBEDDING_CACHE_SCHEMA,
  createTextIndex,
  inTransaction,
  openDatabase,
  toTextIndexSchema,
  type Database,
  type TextHit,
  type TextIndexOptions,
} from '@drawbridge/retrieval';
import { LEASE_SCHEMA } from './lease.ts';
import type { ParsedFile } from './parse-task.ts';
import { createStoreQueries, type StoreQueries } from './store-queries.ts';

/** Raised with every change of the schema, of a grammar's query, or of how text is split. */
const VERSION = 1;

const TEXT: TextIndexOptions = {
  table: 'chunk_text',
  fields: [
    { name: 'path', weight: 2 },
    { name: 'names', weight: 5 },
    { name: 'comments', weight: 3 },
    { name: 'body', weight: 1 },
  ],
};

const SCHEMA = `
create table meta(key text primary key, value text not null) without rowid;
create table files(
  id integer primary key, path text not null unique, language text not null, state text not null,
  size integer not null, mtime real not null, hash text not null, lines integer not null,
  symbols integer not null, broken integer not null
);
create table symbols(
  id integer primary key, file_id integer not null, name text not null, lower text not null,
  kind text not null, container text not null, start_line integer not null,
  end_line integer not null, signature text not null
);
create index symbols_by_name on symbols(lower);
create index symbols_by_file on symbols(file_id);
create table imports(file_id integer not null, target text not null);
create index imports_by_file on imports(file_id);
create table chunks(
  id integer primary key autoincrement, file_id integer not null, start_line integer not null,
  end_line integer not null, name text not null
);
create index chunks_by_file on chunks(file_id);
${toTextIndexSchema(TEXT)}
${EMBEDDING_CACHE_SCHEMA}
${LEASE_SCHEMA}
`;

/** What became of a file: `indexed`, `text` (by its words alone), or why it was left out. */
export type FileState =
  | 'indexed'
  | 'text'
  | 'unparsed'
  | 'binary'
  | 'minified'
  | 'large'
  | 'unreadable';

export interface FileStamp {
  id: number;
  size: number;
  /** Milliseconds; -1 when it changed so shortly before it was read that it must be read again. */
  mtime: number;
}

export interface FileRecord {
  path: string;
  language: string;
  state: FileState;
  size: number;
  mtime: number;
  hash: string;
  lines: number;
  parsed: ParsedFile | undefined;
}

export interface IndexStore extends StoreQueries {
  readonly database: Database;
  /** Whether the file of the database is still the one at its path. */
  isCurrent(): boolean;
  stamps(): Map<string, FileStamp>;
  /** What is known of the content of one file. */
  known(path: string): { id: number; hash: string } | undefined;
  /**
   * Replaces what is known of these files, and forgets the removed; ids of chunks that went. `assertHeld`
   * throws, in the same transaction, when another process took over.
   */
  replace(
    records: readonly FileRecord[],
    removed: readonly number[],
    assertHeld: () => void,
  ): number[];
  touch(stamps: readonly Pick<FileStamp, 'id' | 'mtime'>[]): void;
  rank(words: readonly string[], limit: number): TextHit[];
  /** Ids of files in which the word occurs as a whole. */
  filesWith(word: string, limit: number): number[];
  getMeta(key: string): string | undefined;
  setMeta(key: string, value: string): void;
  close(): void;
}

export async function openIndexStore(path: string): Promise<IndexStore> {
  const { database, isCurrent, close } = await openDatabase({
    path,
    version: VERSION,
    schema: SCHEMA,
  });
  const text = createTextIndex(database, TEXT);
  const statements = {
    stamps: database.prepare('select id, path, size, mtime from files'),
    known: database.prepare('select id, hash from files where path = ?'),
    chunkIds: database.prepare('select id from chunks where file_id = ?'),
    insertFile: database.prepare(
      'insert into files(path, language, state, size, mtime, hash, lines, symbols, broken) ' +
        'values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    // All of a file at once: a call for each would take longer than the inserts themselves.
    insertSymbols: database.prepare(
      'insert into symbols(file_id, name, lower, kind, container, start_line, end_line, signature) ' +
        'select ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 ' +
        'from json_each(?)',
    ),
    insertImport: database.prepare('insert into imports(file_id, target) values (?, ?)'),
    insertChunk: database.prepare(
      'insert into chunks(file_id, start_line, end_line, name) values (?, ?, ?, ?)',
    ),
    touch: database.prepare('update files set mtime = ? where id = ?'),
    getMeta: database.prepare('select value from meta where key = ?'),
    setMeta: database.prepare('insert or replace into meta(key, value) values (?, ?)'),
    fileOfChunk: database.prepare('select file_id as id from chunks where id = ?'),
  };
  const forget = ['symbols', 'imports', 'chunks'].map((table) =>
    database.prepare(`delete from ${table} where file_id = ?`),
  );
  const forgetFile = database.prepare('delete from files where id = ?');
  const remove = (id: number): number[] => {
    const chunks = (statements.chunkIds.all([id]) as { id: number }[]).map((chunk) => chunk.id);
    for (const chunk of chunks) text.remove(chunk);
    for (const statement of forget) statement.run([id]);
    forgetFile.run([id]);
    return chunks;
  };
  const insert = (record: FileRecord): void => {
    const { path: at, language, state, size, mtime, hash, lines, parsed } = record;
    const { symbols = [], imports = [], chunks = [], broken = false } = parsed ?? {};
    const row = [at, language, state, size, mtime, hash, lines, symbols.length, broken ? 1 : 0];
    const fileId = Number(statements.insertFile.run(row).lastInsertRowid);
    if (symbols.length > 0) {
      const rows = symbols.map(({ name, kind, container, startLine, endLine, signature }) => [
        name,
        name.toLowerCase(),
        kind,
        container,
        startLine,
        endLine,
        signature,
      ]);
      statements.insertSymbols.run([fileId, JSON.stringify(rows)]);
    }
    for (const target of imports) statements.insertImport.run([fileId, target]);
    for (const { startLine, endLine, name, names, comments, body } of chunks) {
      const { lastInsertRowid } = statements.insertChunk.run([fileId, startLine, endLine, name]);
      text.add(Number(lastInsertRowid), { path: at, names, comments, body });
    }
  };
  const knownOf = (at: string): { id: number; hash: string } | undefined =>
    // The shape is that of the statement.
    statements.known.get([at]) as { id: number; hash: string } | undefined;
  return {
    database,
    ...createStoreQueries(database),
    isCurrent,
    stamps() {
      const stamps = new Map<string, FileStamp>();
      for (const row of statements.stamps.iterate()) {
        // The shape is that of the statement.
        const { path: at, id, size, mtime } = row as FileStamp & { path: string };
        stamps.set(at, { id, size, mtime });
      }
      return stamps;
    },
    replace: (records, removed, assertHeld) =>
      inTransaction(database, () => {
        assertHeld();
        const gone = removed.flatMap(remove);
        for (const record of records) {
          const known = knownOf(record.path);
          if (known !== undefined) gone.push(...remove(known.id));
          insert(record);
        }
        return gone;
      }),
    known: knownOf,
    touch: (stamps) =>
      inTransaction(database, () => {
        for (const { id, mtime } of stamps) statements.touch.run([mtime, id]);
      }),
    rank: (words, limit) => text.search({ words, limit }),
    filesWith(word, limit) {
      const hits = text.search({ words: [word], fields: ['names', 'body'], limit });
      const ids = new Set<number>();
      for (const hit of hits) {
        const row = statements.fileOfChunk.get([hit.id]) as { id: number } | undefined;
        if (row !== undefined) ids.add(row.id);
      }
      return [...ids];
    },
    getMeta: (key) => (statements.getMeta.get([key]) as { value: string } | undefined)?.value,
    setMeta: (key, value) => void statements.setMeta.run([key, value]),
    close,
  };
}
