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
