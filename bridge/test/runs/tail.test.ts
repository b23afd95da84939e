import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type LiveRuns, createLiveRuns } from '../../src/runs/live.ts';
import {
  type CommitNotifications,
  createCommitNotifications,
} from '../../src/runs/commit-notifications.ts';
import { type RunReader, createRunReader } from '../../src/runs/reader.ts';
import type { StoredEvent } from '../../src/store/run-queries.ts';
import {
  type LogDatabase,
  type TestBridge,
  createLogDatabase,
  logger,
  newRun,
  progress,
  toRunEvent,
} from './log-database.ts';

const READERS = 100;

let db: LogDatabase;
let bridge: TestBridge;
let notifications: CommitNotifications;
let reader: RunReader;

beforeAll(async () => {
  db = await createLogDatabase();
  bridge = await db.addBridge();
  notifications = await createCommitNotifications({
    log: bridge.log,
    bridgeId: bridge.id,
    logger,
    listen: db.store.listen,
    notify: db.upkeep.notify,
    hasPeers: () => false,
  });
  reader = createRunReader(db.queries);
});
afterAll(async () => {
  await notifications.close();
  await db.close();
});

/** Live runs whose pages are counted, and fail while there is an error. */
function createCounted() {
  const log = {
    pages: 0,
    /** Of these, the ones that came from the database. */
    read: 0,
    error: undefined as Error | undefined,
    /** A page that is asked for now is read now, and handed over when this is over. */
    held: undefined as Promise<void> | undefined,
  };
  let resolve: () => void = () => undefined;
  /** The first look of a tail has found the edge. */
  const looked = new Promise<void>((done) => {
    resolve = done;
  });
  const counted: RunReader = {
    ...reader,
    async events(...args) {
      log.pages += 1;
      const { error, held } = log;
      if (error !== undefined) throw error;
      const page = await reader.events(...args);
      log.read += 1;
      await held;
      return page;
    },
    async run(...args) {
      const run = await reader.run(...args);
      setImmediate(resolve);
      return run;
    },
  };
  return { log, looked, ...createLiveRuns({ reader: counted, notifications }) };
}

type Reader = AsyncIterator<StoredEvent>;

/** Readers of one new run, all at its live edge, and what each waits for. */
async function gather(follow: LiveRuns['follow'], looked: Promise<void>) {
  const { id: runId } = await bridge.log.open(newRun(db.tenantId));
  const add = (): Reader => {
    const { signal } = new AbortController();
    return follow(db.tenantId, runId, { after: 1, signal })[Symbol.asyncIterator]();
  };
  const first = add();
  const next = first.next();
  await looked;
  const readers = [first, ...Array.from({ length: READERS - 1 }, add)];
  const waiting = [next, ...readers.slice(1).map((items) => items.next())];
  return { runId, readers, waiting };
}

test('readers at the live edge share each look and each event', async () => {
  const { log, looked, follow } = createCounted();
  let { runId, readers, waiting } = await gather(follow, looked);
  const before = log.pages;
  for (let step = 0; step < 10; step += 1) {
    await bridge.log.append(runId, progress(`${step}`));
    const [event, ...others] = (await Promise.all(waiting)).map(({ value }) => value);
    expect(toRunEvent(event)).toMatchObject({ seq: step + 2, payload: { callId: `${step}` } });
    for (const other of others) expect(other).toBe(event);
    waiting = readers.map((items) => items.next());
  }
  expect(log.pages - before).toBeLessThanOrEqual(20);
});

test('readers end with the run, at once', async () => {
  const { looked, follow } = createCounted();
  const { runId, readers, waiting } = await gather(follow, looked);
  await bridge.log.end(runId, 'completed');
  const ended = performance.now();
  for (const { value } of await Promise.all(waiting)) expect(value?.type).toBe('run.completed');
  const ends = await Promise.all(readers.map((items) => items.next()));
  expect(ends.every(({ done }) => done === true)).toBe(true);
  expect(performance.now() - ended).toBeLessThan(500);
});

test('nobody looks at a run when its readers are gone', async () => {
  const { log, looked, follow } = createCounted();
  const { runId, readers, waiting } = await gather(follow, looked);
  await bridge.log.append(runId, progress('seen'));
  await Promise.all(waiting);
  await Promise.all(readers.map((items) => items.return?.()));
  const before = log.pages;
  await bridge.log.append(runId, progress('unseen'));
  await new Promise(setImmediate);
  expect(log.pages).toBe(before);
});

test('one that leaves takes nothing from the others', async () => {
  const { looked, follow } = createCounted();
  const { runId, waiting } = await gather(follow, looked);
  const abort = new AbortController();
  const leaving = follow(db.tenantId, runId, { after: 1, signal: abort.signal });
  const end = leaving[Symbol.asyncIterator]().next();
  abort.abort();
  expect((await end).done).toBe(true);
  await bridge.log.append(runId, progress('a'));
  for (const { value } of await Promise.all(waiting)) expect(value?.seq).toBe(2);
});

test('one whose first page came late has what the others have, at once', async () => {
  const { log, looked, follow } = createCounted();
  const { id: runId } = await bridge.log.open(newRun(db.tenantId));
  const add = (): Reader => {
    const { signal } = new AbortController();
    return follow(db.tenantId, runId, { after: 1, signal })[Symbol.asyncIterator]();
  };
  const [prompt, late] = [add(), add()];
  const first = prompt.next();
  let release: () => void = () => undefined;
  log.held = new Promise((resolve) => {
    release = resolve;
  });
  const second = late.next();
  log.held = undefined;
  await looked;
  await vi.waitFor(() => expect(log.read).toBe(2), { interval: 5 });
  await bridge.log.append(runId, progress('a'));
  expect((await first).value?.seq).toBe(2);
  const begun = performance.now();
  release();
  expect((await second).value?.seq).toBe(2);
  expect(performance.now() - begun).toBeLessThan(500);
  await Promise.all([prompt, late].map((items) => items.return?.()));
});

test('an event that no notification told of comes all the same', async () => {
  const { looked, follow } = createCounted();
  const { runId, waiting } = await gather(follow, looked);
  const silent = await db.addBridge();
  await silent.log.append(runId, progress('a'));
  for (const { value } of await Promise.all(waiting)) expect(value?.seq).toBe(2);
});

test('all are told when the log cannot be read, and can begin again', async () => {
  const { log, looked, follow } = createCounted();
  const { runId, waiting } = await gather(follow, looked);
  log.error = new Error('the database is away');
  await bridge.log.append(runId, progress('a'));
  for (const { status } of await Promise.allSettled(waiting)) expect(status).toBe('rejected');
  log.error = undefined;
  const { signal } = new AbortController();
  const again = follow(db.tenantId, runId, { after: 1, signal })[Symbol.asyncIterator]();
  expect((await again.next()).value).toMatchObject({ seq: 2 });
  await again.return?.();
});
