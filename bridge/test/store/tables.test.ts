import { getTableColumns } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as tables from '../../src/store/tables/index.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
}

let database: TestDatabase;
let migrated: readonly Column[];

beforeAll(async () => {
  database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<Column>(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required
     from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> 'migrations' and a.attnum > 0 and not a.attisdropped`,
  );
  migrated = rows;
  await client.end();
});

afterAll(() => database.drop());

function key({ table, name }: Column) {
  return `${table}.${name}`;
}
function byKey(a: Column, b: Column) {
  return key(a).localeCompare(key(b));
}

test('the tables in code have the columns, types and nulls that the migrations make', () => {
  const written = Object.values(tables).flatMap((table) =>
    Object.values(getTableColumns(table)).map((column) => ({
      table: getTableConfig(table).name,
      name: column.name,
      type: column.getSQLType(),
      required: column.notNull,
    })),
  );
  expect(written.sort(byKey)).toEqual([...migrated].sort(byKey));
});
