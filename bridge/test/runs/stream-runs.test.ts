import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { v7 as createId } from 'uuid';
import type { CallerIdentity, Principal } from '../../src/principals/caller.ts';
import { type StreamRuns, createStreamRuns } from '../../src/runs/stream-runs.ts';
import {
  type LogDatabase,
  type TestBridge,
  completed,
  createLogDatabase,
  logger,
  started,
} from './log-database.ts';

const MINUTE = 60_000;
let db: LogDatabase;
let bridge: TestBridge;
let streamRuns: StreamRuns;
let time: number;

function create(queries = db.queries): StreamRuns {
  return createStreamRuns({
    log: bridge.log,
    queries,
    upkeep: db.upkeep,
    bridgeId: bridge.id,
    logger,
    now: () => time,
  });
}

beforeAll(async () => {
  db = await createLogDatabase();
  bridge = await db.addBridge();
});
beforeEach(() => {
  time = Date.now();
  streamRuns = create();
});
afterAll(() => db.close());

function caller(
  principal: Partial<Principal> = {},
  more: Partial<CallerIdentity> = {},
): CallerIdentity {
  return {
    principal: {
      id: createId(),
      tenantId: db.tenantId,
      name: 'joe',
      role: 'member',
      keyId: createId(),
      ...principal,
    },
    client: { era: 'modern', capabilities: {}, name: 'ide/1' },
    project: 'p',
    ...more,
  };
}

async function status(id: string) {
  return (await db.queries.run(db.tenantId, id))?.status;
}

test('calls of one credential share a run, also when they are the first and come at once', async () => {
  const joe = caller();
  const ids = await Promise.all([1, 2, 3].map(() => streamRuns.find(joe)));
  expect(new Set(ids).size).toBe(1);
  expect(await db.queries.run(db.tenantId, ids[0] ?? '')).toMatchObject({
    kind: 'stream',
    title: 'ide/1',
    createdBy: joe.principal.id,
    status: 'working',
  });
});

test('another credential, trace, project or principal is another run', async () => {
  const joe = caller();
  const { principal } = joe;
  const traceId = 'a'.repeat(32);
  const callers: CallerIdentity[] = [
    joe,
    caller({ ...principal, keyId: createId() }),
    { ...joe, traceId },
    { ...joe, project: 'q' },
    caller({ ...principal, id: createId() }),
    caller({ ...principal, id: createId() }, { traceId }),
  ];
  const ids = await Promise.all(callers.map((one) => streamRuns.find(one)));
  expect(new Set(ids).size).toBe(callers.length);
});

test('a trace joins calls of different credentials of one principal', async () => {
  const joe = caller({}, { traceId: 'b'.repeat(32) });
  const elsewhere = { ...joe, principal: { ...joe.principal, keyId: createId() } };
  expect(await streamRuns.find(joe)).toBe(await streamRuns.find(elsewhere));
});

test('a known caller costs no query', async () => {
  const joe = caller();
  const id = await streamRuns.find(joe);
  const queries = { ...db.queries, openRun: () => Promise.reject(new Error('asked')) };
  const deaf = create(queries);
  await expect(deaf.find(joe)).rejects.toMatchObject({ code: 'log/unavailable' }); // its key is taken, and it may not ask
  expect(await streamRuns.find(joe)).toBe(id);
});

test('a run that is open already under its key is gone on with', async () => {
  const joe = caller();
  const id = await streamRuns.find(joe);
  streamRuns.renew(bridge.id);
  expect(await streamRuns.find(joe)).toBe(id);
});

test('30 minutes without a call end a run, and the next call opens another', async () => {
  const [joe, ann] = [caller(), caller()];
  const id = await streamRuns.find(joe);
  const other = await streamRuns.find(ann);
  time += 20 * MINUTE;
  await streamRuns.find(ann);
  time += 11 * MINUTE;
  const ending = streamRuns.endIdle();
  await ending;
  expect(await status(id)).toBe('completed');
  expect(await status(other)).toBe('working');
  expect(await streamRuns.find(joe)).not.toBe(id);
});

test('a clock that is set forward ends no run', async () => {
  const runs = createStreamRuns({
    log: bridge.log,
    queries: db.queries,
    upkeep: db.upkeep,
    bridgeId: bridge.id,
    logger,
  });
  const id = await runs.find(caller());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * MINUTE });
  try {
    await runs.endIdle();
  } finally {
    vi.useRealTimers();
  }
  expect(await status(id)).toBe('working');
});

test('a call that comes while its idle run is being ended gets a run of its own', async () => {
  const joe = caller();
  const id = await streamRuns.find(joe);
  time += 31 * MINUTE;
  const ending = bridge.log.end(id, 'completed');
  streamRuns.renew(bridge.id);
  const next = await streamRuns.find(joe);
  await ending;
  expect(next).not.toBe(id);
  expect(await status(next)).toBe('working');
});

test('a call under way keeps its run open', async () => {
  const id = await streamRuns.find(caller());
  await bridge.log.append(id, started('long'));
  time += 31 * MINUTE;
  await streamRuns.endIdle();
  expect(await status(id)).toBe('working');
  await bridge.log.append(id, completed('long'));
  await streamRuns.endIdle();
  expect(await status(id)).toBe('completed');
});

test('closing ends all its runs', async () => {
  const ids = await Promise.all([streamRuns.find(caller()), streamRuns.find(caller())]);
  await streamRuns.close();
  for (const id of ids) expect(await status(id)).toBe('completed');
});

test('a run that could not be opened is tried again by the next call', async () => {
  const stranger = caller({ tenantId: createId() });
  await expect(streamRuns.find(stranger)).rejects.toMatchObject({ code: 'log/unavailable' });
  await expect(streamRuns.find(stranger)).rejects.toMatchObject({ code: 'log/unavailable' });
});
