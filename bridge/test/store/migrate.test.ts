import { Client } from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate, migrateBack } from '../../src/store/migrate.ts';
import { migrations } from '../../src/store/migrations/index.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

async function listObjects(): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select concat(relkind, ' ', relname) as name from pg_class where relnamespace = 'public'::regnamespace
     union all select concat('f ', proname) from pg_proc where pronamespace = 'public'::regnamespace order by 1`,
  );
  return rows.map(({ name }) => name);
}

test('goes forward, back to nothing, and forward to the same shape', async () => {
  const names = migrations.map(({ name }) => name);
  expect(await migrate(client)).toEqual(names);
  const made = await listObjects();
  expect(made).toContain('p run_events');

  expect(await migrateBack(client, { count: names.length })).toEqual(names.toReversed());
  expect(await listObjects()).toEqual(['i migrations_pkey', 'r migrations']);

  expect(await migrate(client)).toEqual(names);
  expect(await listObjects()).toEqual(made);
});

test('does nothing when nothing is missing', async () => {
  await migrate(client);
  expect(await migrate(client)).toEqual([]);
});

test('runs once when several bridges start at once', async () => {
  const others = Array.from({ length: 4 }, () => new Client({ connectionString: database.url }));
  const results = await Promise.all(
    others.map(async (other) => {
      await other.connect();
      await prepareDatabase(other, pino({ level: 'silent' }));
      const applied = await migrate(other);
      await other.end();
      return applied;
    }),
  );
  expect(results.flat()).toEqual([]);
  const { rows } = await client.query('select name from migrations');
  expect(rows).toHaveLength(migrations.length);
});

test('leaves nothing of a migration that fails', async () => {
  const broken = { name: '0001-broken', up: 'create table half (); select 1 / 0;', down: '' };
  await expect(migrate(client, { migrations: [broken] })).rejects.toMatchObject({
    code: 'store/start_failed',
    message: 'The migration 0001-broken failed.',
  });
  expect(await listObjects()).not.toContain('r half');
  expect((await client.query('select from migrations')).rowCount).toBe(0);
});

test('refuses a migration that was edited after it was applied', async () => {
  const first = { name: '0001-a', up: 'create table a ()', down: 'drop table a' };
  await migrate(client, { migrations: [first] });
  await expect(
    migrate(client, { migrations: [{ ...first, up: 'create table a (id int)' }] }),
  ).rejects.toThrow(/0001-a was changed after it was applied/);
});

test('refuses a database made by a newer version', async () => {
  const [first, second] = ['a', 'b'].map((letter, index) => ({
    name: `000${index + 1}-${letter}`,
    up: `create table ${letter} ()`,
    down: `drop table ${letter}`,
  }));
  await migrate(client, { migrations: [first, second].filter((item) => item !== undefined) });
  await expect(
    migrate(client, { migrations: [first].filter((item) => item !== undefined) }),
  ).rejects.toThrow(/0002-b, which this version does not know.*newer Drawbridge/);
});
