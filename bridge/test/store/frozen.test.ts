// A database that no longer answers, though its connections stay open: who waits for it hears so in time.
import { once } from 'node:events';
import { type AddressInfo, type Socket, createConnection, createServer } from 'node:net';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Store, openStore } from '../../src/store/store.ts';
import { type TestDatabase, createTestDatabase } from '../support/postgres.ts';

const TIMEOUT_MS = 1_000;
/** With what the next look, the attempt to connect, and a busy machine take. */
const IN_TIME_MS = 8_000;

let database: TestDatabase;
let proxy: Awaited<ReturnType<typeof createSilentProxy>>;
let store: Store;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await createSilentProxy(database.url);
  store = await openStore({
    home: '/nonexistent',
    databaseUrl: proxy.url,
    logger: pino({ level: 'silent' }),
    version: 'test',
    timeoutMs: TIMEOUT_MS,
  });
});

afterEach(async () => {
  proxy.isSilent = false;
  proxy.cut();
  await store.close();
  await proxy.close();
  await database.drop();
});

/** Passes everything on until it is silent: then it takes connections and data, and does nothing. */
async function createSilentProxy(target: string) {
  const { host, port, user = '', password, database: name = '' } = new Client(target);
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = host.startsWith('/')
      ? createConnection(`${host}/.s.PGSQL.${port}`)
      : createConnection(port, host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => from.destroy());
      from.on('close', () => to.destroy());
      from.on('data', (data) => void (self.isSilent || to.write(data)));
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port: own } = listener.address() as AddressInfo; // it listens on TCP
  const login = encodeURIComponent(user) + (password ? `:${encodeURIComponent(password)}` : '');
  const self = {
    url: `postgres://${login}@127.0.0.1:${own}/${name}`,
    isSilent: false,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      listener.close();
      self.cut();
      await once(listener, 'close');
    },
  };
  return self;
}

async function timed(work: Promise<unknown>): Promise<{ ms: number; message: string }> {
  const begin = performance.now();
  const message = await work.then(
    () => 'answered',
    (error: unknown) => String(error instanceof Error && error.cause ? error.cause : error),
  );
  return { ms: performance.now() - begin, message };
}

test('ends the queries that wait on open connections', async () => {
  await Promise.all([1, 2, 3].map(() => store.db.execute(sql`select pg_sleep(0.05)`)));
  proxy.isSilent = true;
  const asked = await Promise.all(
    [1, 2, 3, 4].map(() => timed(store.db.execute(sql`select 1 as one`))),
  );
  for (const { ms, message } of asked) {
    expect(message).not.toBe('answered');
    expect(ms).toBeLessThan(IN_TIME_MS);
  }
  proxy.isSilent = false;
  const { rows } = await store.db.execute(sql`select 1 as one`);
  expect(rows).toEqual([{ one: 1 }]);
});

test('is waited for no longer than said by who connects', async () => {
  proxy.isSilent = true;
  const [transaction, own, health] = await Promise.all([
    timed(store.db.transaction(async () => undefined)),
    timed(store.connect()),
    store.health(),
  ]);
  expect(transaction.ms).toBeLessThan(IN_TIME_MS);
  expect(own.ms).toBeLessThan(IN_TIME_MS);
  expect(health.ok).toBe(false);
});

test('that is slow is left alone', async () => {
  const { rows } = await store.db.execute(sql`select 1 as one, pg_sleep(4)`);
  expect(rows).toMatchObject([{ one: 1 }]);
});
