// Vectors in a table of libsql, compared one by one with its own distance function. That is exact, and
// quick enough for some 50,000; larger collections belong in Qdrant.
import { inTransaction, type Database } from './database.ts';
import { assertDimensions, type VectorStore } from './vector-store.ts';

export interface LibsqlVectorsOptions {
  /** A plain identifier. */
  table: string;
  dimensions: number;
}

/** Makes its table when it is missing, and makes it anew for other dimensions. */
export function createLibsqlVectors(
  database: Database,
  { table, dimensions }: LibsqlVectorsOptions,
): VectorStore {
  if (!/^[a-z][a-z0-9_]*$/.test(table)) throw new Error(`"${table}" is no name for a table`);
  if (!Number.isInteger(dimensions) || dimensions < 1) throw new Error('no dimensions');
  const sql = `create table ${table}(id integer primary key, vector f32_blob(${dimensions}) not null)`;
  const there = database
    .prepare("select lower(sql) as sql from sqlite_schema where type = 'table' and name = ?")
    .get([table]) as { sql: string } | undefined;
  if (there?.sql !== sql) {
    inTransaction(database, () => {
      database.exec(`drop table if exists ${table}`);
      database.exec(sql);
    });
  }
  const put = database.prepare(
    `insert or replace into ${table}(id, vector) values (?, vector32(?))`,
  );
  const remove = database.prepare(`delete from ${table} where id = ?`);
  const search = database.prepare(
    `select id, 1 - vector_distance_cos(vector, vector32(?)) as score from ${table} ` +
      'order by score desc, id limit ?',
  );
  const has = database.prepare(`select id from ${table} where id = ?`);
  const count = database.prepare(`select count(*) as count from ${table}`);
  return {
    async put(items) {
      assertDimensions(items, dimensions);
      inTransaction(database, () => {
        for (const { id, vector } of items) put.run([id, JSON.stringify(vector)]);
      });
    },
    async remove(ids) {
      inTransaction(database, () => {
        for (const id of ids) remove.run([id]);
      });
    },
    present: async (ids) => new Set(ids.filter((id) => has.get([id]) !== undefined)),
    async search(vector, limit) {
      assertDimensions([{ id: 0, vector }], dimensions);
      const rows = search.all([JSON.stringify(vector), limit]) as { id: number; score: number }[];
      return rows.map(({ id, score }) => ({ id, score }));
    },
    count: async () => (count.get() as { count: number }).count,
  };
}
