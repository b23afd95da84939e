// Legacy sessions as several bridges of a database see them, by the test's own clocks.
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { CallClient, Principal } from '../../src/principals/caller.ts';
import { createRedact } from '../../src/secrets/redaction.ts';
import { type Session, type Sessions, createSessions } from '../../src/sessions/sessions.ts';
import { createKeyStore } from '../../src/store/key-store.ts';
import { createSessionStore } from '../../src/store/session-store.ts';
import {
  type LogDatabase,
  type TestBridge,
  createLogDatabase,
  logger,
  newRun,
} from '../runs/log-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const client: CallClient = { era: 'legacy', protocolVersion: '2025-06-18', capabilities: {} };

let db: LogDatabase;
let bridge: TestBridge;
let principal: Principal;
/** The wall clock. */
let time: number;

beforeAll(async () => {
  db = await createLogDatabase();
  bridge = await db.addBridge();
  const { tenantId } = db;
  const user = { id: createId(), tenantId, name: 'ann', role: 'member' as const };
  await createKeyStore(db.store.db).ensureUser(user);
  principal = { ...user, keyId: createId() };
});
beforeEach(() => {
  time = Date.now();
});
afterAll(() => db.close());

/** The sessions as one bridge has them. */
function open(store = createSessionStore(db.store.db)): Sessions {
  return createSessions({
    store,
    logger,
    secret: 'a secret of the tests',
    redact: createRedact(),
    openRun: async ({ id }) => (await bridge.log.open(newRun(db.tenantId, { createdBy: id }))).id,
    endRun: (runId) => bridge.log.end(runId, 'completed'),
    now: () => time,
  });
}

function create(sessions: Sessions): Promise<Session> {
  return sessions.create({ principal, view: { kind: 'toolset', name: 'code' }, client });
}
async function statusOf({ runId }: Session) {
  return (await db.queries.run(db.tenantId, runId))?.status;
}

/** Moves the monotonic clock, by which sessions are cached. */
function fakeMonotonic(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

test('another bridge goes on with a session, as it was', async () => {
  const session = await create(open());
  expect(await open().find(session.id, principal)).toEqual(session);
});

test('a session that nobody used for a day is not gone on with, and its run ends', async () => {
  const session = await create(open());
  time += DAY - HOUR;
  await open().expire();
  expect(await statusOf(session)).toBe('working');
  time += 2 * HOUR;
  expect(await open().find(session.id, principal)).toBeUndefined();
  await open().expire();
  expect(await statusOf(session)).toBe('completed');
});

test('a session that is used lasts', async () => {
  fakeMonotonic();
  const sessions = open();
  const session = await create(sessions);
  const usedAt = async () => (await createSessionStore(db.store.db).find(session.runId))?.usedAt;
  for (let hours = 0; hours < 36; hours += 18) {
    time += 18 * HOUR;
    vi.advanceTimersByTime(18 * HOUR);
    expect(await sessions.find(session.id, principal)).toBeDefined();
    await vi.waitFor(async () => expect(await usedAt()).toEqual(new Date(time)));
  }
  await sessions.expire();
  expect(await open().find(session.id, principal)).toBeDefined();
});

test('what one bridge changes of a session another sees within ten seconds', async () => {
  fakeMonotonic();
  const [mine, other] = [open(), open()];
  const session = await create(mine);
  expect(await other.find(session.id, principal)).toBeDefined();
  await mine.setLogLevel(session, 'error');
  expect(await mine.find(session.id, principal)).toMatchObject({ logLevel: 'error' });
  vi.advanceTimersByTime(10_001);
  expect(await other.find(session.id, principal)).toMatchObject({ logLevel: 'error' });
  expect(await mine.find(session.id, principal)).toBeDefined();
  await mine.end(session);
  expect(await mine.find(session.id, principal)).toBeUndefined();
  vi.advanceTimersByTime(10_001);
  expect(await other.find(session.id, principal)).toBeUndefined();
});

test('a session that ends while it is looked up is not remembered as open', async () => {
  const store = createSessionStore(db.store.db);
  const session = await create(open());
  let release: (() => void) | undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const onRead = vi.fn<() => void>();
  const sessions = open({
    ...store,
    async find(id) {
      const row = await store.find(id);
      onRead();
      await released;
      return row;
    },
  });
  const lookedUp = sessions.find(session.id, principal);
  await vi.waitFor(() => expect(onRead).toHaveBeenCalled());
  await sessions.end(session);
  release?.();
  await lookedUp;
  expect(await sessions.find(session.id, principal)).toBeUndefined();
});
