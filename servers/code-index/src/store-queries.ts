// What tools ask of an index: definitions by name or file, chunks, counts.
import type { Database } from '@drawbridge/retrieval';

export interface SymbolRow {
  path: string;
  language: string;
  name: string;
  kind: string;
  container: string;
  startLine: number;
  endLine: number;
  signature: string;
}

export interface FileRow {
  id: number;
  path: string;
  language: string;
  state: string;
  lines: number;
  symbols: number;
  broken: number;
}

export interface ChunkRow {
  id: number;
  path: string;
  language: string;
  name: string;
  startLine: number;
  endLine: number;
  hash: string;
}

/** How a name is compared with what is looked for; lower case on both sides. */
export type NameMatch = 'exact' | 'prefix' | 'part' | 'letters';

export interface StoreQueries {
  symbolsNamed(name: string): SymbolRow[];
  /** Names, in lower case, that match, up to `limit`. */
  namesLike(lower: string, match: NameMatch, limit: number): string[];
  symbolsByLower(lower: string): SymbolRow[];
  symbolsOf(path: string): SymbolRow[];
  file(path: string): FileRow | undefined;
  fileById(id: number): FileRow | undefined;
  /** In the order of their paths; those below `folder`, which is "" for all. */
  filesBelow(folder: string): FileRow[];
  importsBelow(folder: string): { path: string; target: string }[];
  chunk(id: number): ChunkRow | undefined;
  /** Up to `limit`, from the id after `after`. */
  chunksAfter(after: number, limit: number): ChunkRow[];
  countByState(): Record<string, number>;
  countByLanguage(): { language: string; files: number; lines: number; symbols: number }[];
  counts(): { files: number; symbols: number; chunks: number };
}

const SYMBOL =
  'select f.path, f.language, s.name, s.kind, s.container, s.start_line as startLine, ' +
  's.end_line as endLine, s.signature from symbols s join files f on f.id = s.file_id';
const FILE = 'select id, path, language, state, lines, symbols, broken from files';
const CHUNK =
  'select c.id, f.path, f.language, c.name, c.start_line as startLine, c.end_line as endLine, ' +
  'f.hash from chunks c join files f on f.id = c.file_id';
/** Behind every path in a folder. */
const BEHIND = '0';
const MAX_SYMBOLS = 20_000;

function hasLetters(name: string, letters: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = name.indexOf(letter, at);
    if (at < 0) return false;
    at += letter.length;
  }
  return true;
}

export function createStoreQueries(database: Database): StoreQueries {
  const prepare = (sql: string) => database.prepare(sql);
  const symbolsNamed = prepare(
    `${SYMBOL} where s.lower = ? and s.name = ? order by f.path limit ?`,
  );
  const symbolsByLower = prepare(
    `${SYMBOL} where s.lower = ? order by f.path, s.start_line limit ?`,
  );
  const symbolsOf = prepare(`${SYMBOL} where f.path = ? order by s.start_line, s.id`);
  const nameIs = prepare('select lower from symbols where lower = ? limit 1');
  const namesFrom = prepare(
    'select distinct lower from symbols where lower >= ? and lower < ? order by lower limit ?',
  );
  const namesWith = prepare(
    'select distinct lower from symbols where instr(lower, ?) > 0 order by length(lower), lower limit ?',
  );
  const names = prepare('select distinct lower from symbols order by lower');
  const file = prepare(`${FILE} where path = ?`);
  const fileById = prepare(`${FILE} where id = ?`);
  const allFiles = prepare(`${FILE} order by path`);
  const filesBelow = prepare(`${FILE} where path >= ? and path < ? order by path`);
  const imports = prepare(
    'select f.path, i.target from imports i join files f on f.id = i.file_id ' +
      'where f.path >= ? and f.path < ? order by f.path',
  );
  const allImports = prepare(
    'select f.path, i.target from imports i join files f on f.id = i.file_id order by f.path',
  );
  const chunk = prepare(`${CHUNK} where c.id = ?`);
  const chunksAfter = prepare(`${CHUNK} where c.id > ? order by c.id limit ?`);
  const states = prepare('select state, count(*) as files from files group by state');
  const languages = prepare(
    'select language, count(*) as files, sum(lines) as lines, sum(symbols) as symbols from files ' +
      "where state in ('indexed', 'text', 'unparsed') group by language order by files desc, language",
  );
  const counts = prepare(
    "select (select count(*) from files where state in ('indexed', 'text', 'unparsed')) as files, " +
      '(select count(*) from symbols) as symbols, (select count(*) from chunks) as chunks',
  );
  // Each shape below is that of its statement.
  const lowerOf = (rows: unknown[]): string[] =>
    (rows as { lower: string }[]).map(({ lower }) => lower);
  return {
    symbolsNamed: (name) =>
      symbolsNamed.all([name.toLowerCase(), name, MAX_SYMBOLS]) as SymbolRow[],
    symbolsByLower: (lower) => symbolsByLower.all([lower, MAX_SYMBOLS]) as SymbolRow[],
    namesLike(lower, match, limit) {
      switch (match) {
        case 'exact':
          return lowerOf(nameIs.all([lower]));
        case 'prefix':
          return lowerOf(namesFrom.all([lower, `${lower}\u{10ffff}`, limit]));
        case 'part':
          return lowerOf(namesWith.all([lower, limit]));
        case 'letters': {
          const found: string[] = [];
          for (const row of names.iterate()) {
            const { lower: name } = row as { lower: string };
            if (hasLetters(name, lower)) found.push(name);
            if (found.length >= limit) break;
          }
          return found;
        }
      }
    },
    symbolsOf: (path) => symbolsOf.all([path]) as SymbolRow[],
    file: (path) => file.get([path]) as FileRow | undefined,
    fileById: (id) => fileById.get([id]) as FileRow | undefined,
    filesBelow: (folder) =>
      (folder === ''
        ? allFiles.all()
        : filesBelow.all([`${folder}/`, folder + BEHIND])) as FileRow[],
    importsBelow: (folder) =>
      (folder === '' ? allImports.all() : imports.all([`${folder}/`, folder + BEHIND])) as {
        path: string;
        target: string;
      }[],
    chunk: (id) => chunk.get([id]) as ChunkRow | undefined,
    chunksAfter: (after, limit) => chunksAfter.all([after, limit]) as ChunkRow[],
    countByState: () =>
      Object.fromEntries(
        (states.all() as { state: string; files: number }[]).map(({ state, files }) => [
          state,
          files,
        ]),
      ),
    countByLanguage: () =>
      languages.all() as { language: string; files: number; lines: number; symbols: number }[],
    counts: () => counts.get() as { files: number; symbols: number; chunks: number },
  };
}
