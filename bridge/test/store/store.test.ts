import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { Client, type Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { explainFailure } from '../../src/store/embedded/failure.ts';
import { explainDatabaseError } from '../../src/store/database-errors.ts';
import { prepareDatabase } from '../../src/store/prepare.ts';
import { createEraStore } from '../../src/store/era-store.ts';
import { type OpenStoreOptions, type Store, openStore } from '../../src/store/store.ts';
import { runEvents, tenants } from '../../src/store/tables/index.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

const logger = pino({ level: 'silent' });

let database: TestDatabase;
let stores: Store[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  for (const store of stores) await store.close();
  stores = [];
});

afterAll(() => database.drop());

async function open(options: Partial<OpenStoreOptions> = {}): Promise<Store> {
  const store = await openStore({
    home: '/nonexistent',
    databaseUrl: database.url,
    logger,
    version: 'test',
    ...options,
  });
  stores.push(store);
  return store;
}

async function asOwner(statement: string): Promise<void> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

test('works under a role that cannot change the log, on every connection it gives', async () => {
  const store = await open();
  expect(store.info).toMatchObject({ kind: 'external', role: 'drawbridge_app' });
  const { rows } = await store.db.execute(sql`select current_user as name`);
  expect(rows).toEqual([{ name: 'drawbridge_app' }]);
  await expect(store.db.delete(runEvents)).rejects.toMatchObject({ cause: { code: '42501' } });
  await expect(store.db.update(runEvents).set({ type: 'x' })).rejects.toMatchObject({
    cause: { code: '42501' },
  });
  const client = await store.connect();
  await expect(client.query('truncate run_events')).rejects.toMatchObject({ code: '42501' });
  await client.end();
});

test('has partitions for today after it is opened', async () => {
  const store = await open({ now: () => new Date('2031-05-05T05:05:05Z') });
  const { rows } = await store.db.execute(
    sql`select to_regclass('run_events_20310505') is not null as there`,
  );
  expect(rows).toEqual([{ there: true }]);
  expect(await store.dropEventsBefore(new Date('2031-05-06T00:00:00Z'))).toContain(
    'run_events_20310505',
  );
});

test('rolls a transaction back', async () => {
  const store = await open();
  const id = randomUUID();
  const failed = store.db.transaction(async (tx) => {
    await tx.insert(tenants).values({ id, name: id });
    throw new Error('changed our mind');
  });
  await expect(failed).rejects.toThrow('changed our mind');
  expect(await store.db.select().from(tenants).where(eq(tenants.id, id))).toEqual([]);
});

test('remembers the era of a server', async () => {
  const eras = createEraStore((await open()).db);
  expect(await eras.get('f')).toBeUndefined();
  await eras.set('f', { era: 'legacy', transport: 'sse', at: '2026-01-01T00:00:00.000Z' });
  await eras.set('f', { era: 'modern', at: '2026-02-01T00:00:00.000Z' });
  expect(await eras.get('f')).toEqual({ era: 'modern', at: '2026-02-01T00:00:00.000Z' });
});

test('tells those who listen, until they stop', async () => {
  const store = await open();
  const heard: (string | undefined)[] = [];
  const inbox = createInbox(heard);
  const stop = await store.listen('a channel', inbox.put);
  const stopOther = await store.listen('a channel', () => undefined);
  await store.db.execute(sql`select pg_notify('a channel', 'one')`);
  await inbox.filled(1);
  await stop();
  await store.listen('another', inbox.put);
  await store.db.execute(sql`select pg_notify('a channel', 'two')`);
  await store.db.execute(sql`select pg_notify('another', 'three')`);
  await inbox.filled(2);
  await stopOther();
  expect(heard).toEqual(['one', 'three']);
});

test('listens again after its connection was lost, and says that something may be missing', async () => {
  const store = await open();
  const heard: (string | undefined)[] = [];
  const inbox = createInbox(heard);
  const states: string[] = [];
  store.onDown(() => states.push('down'));
  store.onUp(() => states.push('up'));
  await store.listen('news', inbox.put);
  await asOwner(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'drawbridge/test'`,
  );
  await inbox.filled(1);
  await store.db.execute(sql`select pg_notify('news', 'fresh')`);
  await inbox.filled(2);
  expect(heard).toEqual([undefined, 'fresh']);
  expect(states).toEqual(['down', 'up']);
});

/** Waits for what is put into a list. */
function createInbox(heard: (string | undefined)[]) {
  let wake = (): void => undefined;
  return {
    put(payload: string | undefined): void {
      heard.push(payload);
      wake();
    },
    async filled(count: number): Promise<void> {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test('goes without the role where the database does not let us have it', async () => {
  const limited = await createTestDatabase({ empty: true });
  const name = `limited_${randomUUID().slice(0, 8)}`;
  await asOwner(`create role ${name} login password 'secret'`);
  await asOwner(`alter database ${limited.name} owner to ${name}`);
  const warnings: string[] = [];
  const url = limited.url.replace(/\/\/[^@]*@/, `//${name}:secret@`);
  const store = await openStore({
    home: '/nonexistent',
    databaseUrl: url,
    logger: pino({ level: 'warn' }, { write: (line) => void warnings.push(line) }),
    version: 'test',
  });
  expect(store.info.role).toBeUndefined();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('only a trigger keeps the log append-only');
  await expect(store.db.execute(sql`truncate run_events`)).rejects.toMatchObject({
    cause: { code: '42501' },
  });
  await store.close();
  await limited.drop();
  await asOwner(`drop role ${name}`);
});

test('leaves no connection open where its role was taken away meanwhile', async () => {
  const limited = await createTestDatabase({ empty: true });
  const name = `revoked_${randomUUID().slice(0, 8)}`;
  await asOwner(`create role ${name} login password 'secret'`);
  await asOwner(`alter database ${limited.name} owner to ${name}`);
  await asOwner(`grant drawbridge_app to ${name}`);
  const url = limited.url.replace(/\/\/[^@]*@/, `//${name}:secret@`);
  const store = await openStore({
    home: '/nonexistent',
    databaseUrl: url,
    logger,
    version: 'test',
  });
  expect(store.info.role).toBe('drawbridge_app');
  await asOwner(`revoke drawbridge_app from ${name}`);
  const watcher = new Client({ connectionString: database.url });
  await watcher.connect();
  const count = async () => {
    const { rows } = await watcher.query<{ count: number }>(
      'select count(*)::int from pg_stat_activity where usename = $1',
      [name],
    );
    return rows[0]?.count;
  };
  const before = await count();
  await expect(store.connect()).rejects.toMatchObject({ code: '42501' });
  await expect.poll(count).toBe(before);
  await watcher.end();
  await store.close();
  await limited.drop();
  await asOwner(`drop role ${name}`);
});

test('says what a user needs who may not make tables', async () => {
  const limited = await createTestDatabase({ empty: true });
  const name = `reader_${randomUUID().slice(0, 8)}`;
  await asOwner(`create role ${name} login password 'reader'`);
  const url = limited.url.replace(/\/\/[^@]*@/, `//${name}:reader@`);
  const store = openStore({ home: '/nonexistent', databaseUrl: url, logger, version: 'test' });
  await expect(store).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(
      `^The user ${name} of DATABASE_URL may not.*grant usage, create on schema public to ${name};`,
    ),
  });
  await limited.drop();
  await asOwner(`drop role ${name}`);
});

test('refuses a PostgreSQL older than 15 and says what to do', async () => {
  // No such server is at hand; the version is all that is asked of it before the refusal.
  const old = { query: () => Promise.resolve({ rows: [{ number: 140_012, text: '14.12' }] }) };
  const prepared = prepareDatabase(old as unknown as Client, logger);
  await expect(prepared).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/PostgreSQL 14\.12; Drawbridge needs 15 or newer/),
  });
});

test('says at the start when a database cannot be reached, never with its password', async () => {
  const nowhere = openStore({
    home: '/nonexistent',
    databaseUrl: 'postgres://me:hush@127.0.0.1:1/none',
    logger,
    version: 'test',
    timeoutMs: 50,
  });
  await expect(nowhere).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/^The database cannot be reached: (?!.*hush).*ECONNREFUSED/),
  });
  await expect(
    openStore({
      home: '/nonexistent',
      databaseUrl: database.url.replace(database.name, 'no_such_database'),
      logger,
      version: 'test',
    }),
  ).rejects.toThrow(/no_such_database.*create it, or name another one/);
});

test('says in words that the disk is full', () => {
  const full = Object.assign(new Error('could not extend file'), {
    code: '53100',
    severity: 'ERROR',
  });
  expect(explainDatabaseError(full)).toBe(
    'The disk that holds the database is full: free some space.',
  );
  expect(
    explainFailure(
      'FATAL:  could not write lock file "postmaster.pid": No space left on device',
      '/h',
    ),
  ).toBe('The disk that holds /h is full: free some space.');
  expect(explainFailure('2026 UTC [1] FATAL:  something odd\nLOG: bye', '/h')).toBe(
    'PostgreSQL said: something odd',
  );
});

test('a lost connection may fail more than once', async () => {
  const { db } = await open();
  const { $client: pool } = db as unknown as { $client: Pool }; // drizzle's own way to its pool
  const client = await pool.connect();
  const fail = (): boolean => client.emit('error', new Error('write EPIPE'));
  // A query in use takes the first error; without a listener a second one is thrown.
  expect([fail(), fail()]).toEqual([true, true]);
  client.release(true);
  expect((await db.execute(sql`select 1 as one`)).rows).toEqual([{ one: 1 }]);
});

test('a transaction that cannot even begin gives its connection back', async () => {
  const { db } = await open();
  for (let count = 0; count < 20; count += 1) {
    const begun = db.transaction(async () => 'never', {
      // A level that PostgreSQL does not have stands for a connection that is lost at this moment.
      isolationLevel: 'nonsense' as 'serializable',
    });
    await expect(begun).rejects.toThrow(/begin/);
  }
  const { rows } = await db.execute(sql`select 1 as one`);
  expect(rows).toEqual([{ one: 1 }]);
});

test('a transaction is whole or not at all', async () => {
  const { db } = await open();
  const id = randomUUID();
  const failed = db.transaction(async (tx) => {
    await tx.insert(tenants).values({ id, name: id });
    throw new Error('a change of mind');
  });
  await expect(failed).rejects.toThrow('a change of mind');
  expect(await db.select().from(tenants).where(eq(tenants.id, id))).toEqual([]);
  const done = await db.transaction(async (tx) => {
    await tx.insert(tenants).values({ id, name: id });
    return 'done';
  });
  expect(done).toBe('done');
  expect(await db.select().from(tenants).where(eq(tenants.id, id))).toHaveLength(1);
});
