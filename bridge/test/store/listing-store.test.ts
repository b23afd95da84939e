// What is kept of a server, and its pins, belong to its configuration and its tenant.
import { sql } from 'drizzle-orm';
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createListingStore } from '../../src/store/listing-store.ts';
import { type LogDatabase, createLogDatabase } from '../runs/log-database.ts';

let db: LogDatabase;
beforeAll(async () => {
  db = await createLogDatabase();
});
afterAll(() => db.close());

const listing = { name: 'test', version: '1', text: '{"tools":[]}' };
function pin(name: string, hash: string) {
  return {
    entry: { kind: 'tool' as const, name, hash, definition: { name } },
    firstSeenAt: 1_000,
  };
}
function storeOf(tenantId: string) {
  return createListingStore({ db: db.store.db, tenantId, createId });
}

test('another configuration or tenant begins anew', async () => {
  const store = storeOf(db.tenantId);
  const server = { name: 's', fingerprint: 'one' };
  const other = { name: 's', fingerprint: 'other' };
  await store.save(server, listing, [pin('a', 'h1')]);
  await store.save(other, { ...listing, text: '{"tools":[1]}' }, []);
  expect(await store.find(server)).toEqual({ tools: [] });
  expect(await store.find(other)).toEqual({ tools: [1] });
  expect(await store.pins(server)).toMatchObject([{ name: 'a', hash: 'h1', firstSeenAt: 1_000 }]);
  expect(await store.pins(other)).toEqual([]);
  expect(await store.find({ name: 's', fingerprint: 'third' })).toBeUndefined();
  const elsewhere = storeOf(await db.addTenant());
  expect(await elsewhere.find(server)).toBeUndefined();
  expect(await elsewhere.pins(server)).toEqual([]);
});

test('what is pinned is approved for good, and its hash alone', async () => {
  const store = storeOf(db.tenantId);
  const server = { name: 'approved', fingerprint: 'one' };
  const by = createId();
  await db.store.db.execute(sql`
    insert into users (id, tenant_id, name, role) values (${by}, ${db.tenantId}, ${by}, 'operator')`);
  await store.save(server, listing, [pin('a', 'h1'), pin('a', 'h2'), pin('b', 'h3')]);
  await store.approve(server, [pin('a', 'h1')], by);
  await store.save(server, listing, [pin('a', 'h1')]);
  const approved = (await store.pins(server)).filter((one) => one.approved);
  expect(approved).toMatchObject([{ name: 'a', hash: 'h1' }]);
  expect(
    await store.approvedBefore(server, [
      { kind: 'tool', name: 'a' },
      { kind: 'tool', name: 'b' },
    ]),
  ).toEqual([{ kind: 'tool', name: 'a', definition: { name: 'a' } }]);
});
