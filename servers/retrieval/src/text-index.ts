// BM25 over named fields with weights, in an FTS5 table that keeps no text of its own. What a caller
// writes never reaches FTS5 as syntax: a query is a list of words, each one quoted.
import type { Database } from './database.ts';

export interface TextField {
  readonly name: string;
  /** What a match here counts, compared with the other fields. */
  readonly weight: number;
}

export interface TextIndexOptions {
  /** Of the table; a plain identifier. */
  table: string;
  fields: readonly TextField[];
}

export interface TextHit {
  id: number;
  /** Greater is better. */
  score: number;
}

export interface TextQuery {
  words: readonly string[];
  /** Whether every word has to occur. */
  all?: boolean;
  /** Only these fields. */
  fields?: readonly string[];
  limit: number;
}

export interface TextIndex {
  add(id: number, texts: Readonly<Record<string, string>>): void;
  remove(id: number): void;
  search(query: TextQuery): TextHit[];
}

const TOKENIZER = "porter unicode61 remove_diacritics 2 tokenchars '_$'";

function assertIdentifier(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`"${name}" is no name for a table or field`);
  return name;
}

/** The statement that makes the table; for the schema of a database. */
export function toTextIndexSchema({ table, fields }: TextIndexOptions): string {
  const columns = fields.map(({ name }) => assertIdentifier(name)).join(', ');
  return (
    `create virtual table ${assertIdentifier(table)} using fts5(${columns}, content='', ` +
    `contentless_delete=1, tokenize="${TOKENIZER}");`
  );
}

/** What can be part of a token; everything else would be syntax, or nothing, to FTS5. */
const TOKEN = /[\p{L}\p{M}\p{N}_$]+/gu;
const HAS_TOKEN = /[\p{L}\p{N}_$]/u;

/** Nothing when there is no word to look for. */
export function toMatch({ words, all = false, fields }: TextQuery): string | undefined {
  const tokens = words.flatMap((word) => word.match(TOKEN) ?? []);
  const quoted = tokens.filter((token) => HAS_TOKEN.test(token)).map((token) => `"${token}"`);
  if (quoted.length === 0) return undefined;
  const expression = quoted.join(all ? ' AND ' : ' OR ');
  return fields === undefined
    ? expression
    : `{${fields.map(assertIdentifier).join(' ')}} : (${expression})`;
}

export function createTextIndex(
  database: Database,
  { table, fields }: TextIndexOptions,
): TextIndex {
  const name = assertIdentifier(table);
  const columns = fields.map((field) => assertIdentifier(field.name));
  const weights = fields.map(({ weight }) => Number(weight)).join(', ');
  const insert = database.prepare(
    `insert into ${name}(rowid, ${columns.join(', ')}) values (?${', ?'.repeat(columns.length)})`,
  );
  const remove = database.prepare(`delete from ${name} where rowid = ?`);
  const search = database.prepare(
    `select rowid as id, bm25(${name}, ${weights}) as score from ${name} ` +
      `where ${name} match ? order by score, rowid limit ?`,
  );
  return {
    add: (id, texts) => void insert.run([id, ...columns.map((column) => texts[column] ?? '')]),
    remove: (id) => void remove.run([id]),
    search(query) {
      const match = toMatch(query);
      if (match === undefined) return [];
      // The shape is that of the statement above.
      const rows = search.all([match, query.limit]) as { id: number; score: number }[];
      // FTS5's own score is the better the smaller.
      return rows.map(({ id, score }) => ({ id, score: -score }));
    },
  };
}
