// What is remembered of keys, and for how long, on a real database and by the test's own clocks.
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { DrawbridgeError } from '../../src/errors.ts';
import { ensureHomeKeys } from '../../src/principals/key-files.ts';
import { type Principals, createPrincipals } from '../../src/principals/principals.ts';
import { type KeyStore, createKeyStore } from '../../src/store/key-store.ts';
import { type LogDatabase, createLogDatabase } from '../runs/log-database.ts';

const MINUTE = 60_000;
let db: LogDatabase;
let keys: KeyStore;
/** The wall clock. */
let time: number;

beforeAll(async () => {
  db = await createLogDatabase();
  keys = createKeyStore(db.store.db);
});
beforeEach(() => {
  time = Date.now();
});
afterAll(() => db.close());

/** As one bridge has it, which nobody tells of changes by others. */
async function open(store = keys): Promise<Principals> {
  const principals = await createPrincipals({ store, createId, now: () => time });
  onTestFinished(principals.close);
  return principals;
}

test('a remembered key is refused from the moment it expires', async () => {
  const principals = await open();
  const expiresAt = new Date(time + MINUTE);
  const { tenantId } = principals;
  const { key } = await principals.createKey(tenantId, { name: 'x', role: 'member', expiresAt });
  expect(await principals.verify(key)).toMatchObject({ role: 'member' });
  time += MINUTE - 1;
  expect(await principals.verify(key)).toMatchObject({ role: 'member' });
  time += 1;
  expect(await principals.verify(key)).toBeUndefined();
  expect(await (await open()).verify(key)).toBeUndefined();
});

test('what a key opened ends when it expires, also while the database is away', async () => {
  const principals = await open({
    ...keys,
    findById: () => Promise.reject(new Error('the database is away')),
  });
  const expiresAt = new Date(time + MINUTE);
  const { tenantId } = principals;
  const { key } = await principals.createKey(tenantId, { name: 'x', role: 'member', expiresAt });
  const principal = await principals.verify(key);
  if (principal === undefined) throw new Error('the key is not good');
  const onEnd = vi.fn<(reason: DrawbridgeError) => void>();
  principals.hold(principal, onEnd);
  time += MINUTE;
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledOnce(), { timeout: 10_000 });
  expect(onEnd.mock.lastCall?.[0]).toMatchObject({ code: 'auth/invalid' });
});

test('the key of a disabled user is refused by a bridge that never saw it before', async () => {
  const principals = await open();
  const { tenantId } = principals;
  const { key } = await principals.createKey(tenantId, { name: 'x', role: 'member', user: 'ed' });
  await principals.disableUser(tenantId, 'ed');
  expect(await (await open()).verify(key)).toBeUndefined();
});

test('what was read before a change is not remembered after it', async () => {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let reads = 0;
  const principals = await open({
    ...keys,
    async findValid(hashes) {
      const rows = await keys.findValid(hashes);
      reads += 1;
      await gate;
      return rows;
    },
  });
  const { tenantId } = principals;
  const { id, key } = await principals.createKey(tenantId, { name: 'x', role: 'member' });
  const asked = principals.verify(key);
  await vi.waitFor(() => expect(reads).toBe(1));
  await principals.revokeKey(tenantId, id);
  letGo();
  await asked;
  expect(await principals.verify(key)).toBeUndefined();
});

test('a key costs a query once in ten seconds', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const findValid = vi.fn<KeyStore['findValid']>(keys.findValid);
  const principals = await open({ ...keys, findValid });
  const { key } = await principals.createKey(principals.tenantId, { name: 'x', role: 'member' });
  for (let asked = 0; asked < 10; asked += 1) await principals.verify(key);
  vi.advanceTimersByTime(9_000);
  await principals.verify(key);
  expect(findValid).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1_000);
  await principals.verify(key);
  expect(findValid).toHaveBeenCalledTimes(2);
});

test('the last use of a key is told, by the wall clock', async () => {
  const principals = await open();
  const { tenantId } = principals;
  const { id, key } = await principals.createKey(tenantId, { name: 'x', role: 'member' });
  const lastUsedAt = async () =>
    (await principals.listKeys(tenantId)).find((info) => info.id === id)?.lastUsedAt;
  expect(await lastUsedAt()).toBeNull();
  await principals.verify(key);
  await vi.waitFor(async () => expect(await lastUsedAt()).toEqual(new Date(time)));
});

test('only its owner may read the keys of a home, also when others could before', async () => {
  const home = await mkdtemp(join(tmpdir(), 'drawbridge-keys-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const principals = await open();
  const modes = async () => {
    const files = ['token', 'member-token'].map((name) => stat(join(home, name)));
    return (await Promise.all(files)).map(({ mode }) => mode & 0o777);
  };
  const made = await ensureHomeKeys(home, principals);
  expect(await modes()).toEqual([0o600, 0o600]);
  await chmod(join(home, 'token'), 0o644);
  expect(await ensureHomeKeys(home, principals)).toEqual(made);
  expect(await modes()).toEqual([0o600, 0o600]);
});
