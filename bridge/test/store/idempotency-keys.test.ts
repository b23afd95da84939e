// How long an Idempotency-Key is held, on a real database.
import { eq, sql } from 'drizzle-orm';
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIdempotencyKeys } from '../../src/store/idempotency-keys.ts';
import { createKeyStore } from '../../src/store/key-store.ts';
import { idempotencyKeys as table } from '../../src/store/tables/index.ts';
import { type LogDatabase, createLogDatabase } from '../runs/log-database.ts';

let db: LogDatabase;
beforeAll(async () => {
  db = await createLogDatabase();
});
afterAll(() => db.close());

test('a key is held for a day, and free then', async () => {
  const { tenantId, store } = db;
  const userId = createId();
  await createKeyStore(store.db).ensureUser({ id: userId, tenantId, name: 'x', role: 'member' });
  const keys = createIdempotencyKeys(store.db, (json) => json);
  const ask = () =>
    keys.take({
      tenantId,
      userId,
      key: 'a key',
      requestHash: 'hash',
      runId: createId(),
      bridgeId: createId(),
    });
  const expireAt = async (hours: number) => {
    const createdAt = sql`now() - make_interval(hours => ${hours}::int)`;
    await store.db.update(table).set({ createdAt }).where(eq(table.userId, userId));
    await keys.expire();
  };
  expect(await ask()).toBeUndefined();
  await expireAt(23);
  expect(await ask()).toMatchObject({ requestHash: 'hash' });
  await expireAt(25);
  expect(await ask()).toBeUndefined();
});

test('a key that is given back while it is asked for is taken by one caller', async () => {
  const { tenantId, store } = db;
  const userId = createId();
  await createKeyStore(store.db).ensureUser({ id: userId, tenantId, name: 'y', role: 'member' });
  const owner = { tenantId, userId, key: 'a key' };
  const keys = createIdempotencyKeys(store.db, (json) => json);
  const toRequest = () => ({
    ...owner,
    requestHash: 'hash',
    runId: createId(),
    bridgeId: createId(),
  });
  const first = toRequest();
  await keys.take(first);
  let isGivenBack = false;
  const late = new Proxy(store.db, {
    get(database, name) {
      if (name !== 'select' || isGivenBack) return Reflect.get(database, name);
      isGivenBack = true;
      // Between the insert, which found the key held, and the look at who holds it.
      const where = async () => {
        await keys.release(owner, first.runId);
        return database.select().from(table).where(eq(table.userId, userId));
      };
      return () => ({ from: () => ({ where }) });
    },
  });
  const second = toRequest();
  expect(await createIdempotencyKeys(late, (json) => json).take(second)).toBeUndefined();
  expect(await keys.take(toRequest())).toMatchObject({ holder: { runId: second.runId } });
});
