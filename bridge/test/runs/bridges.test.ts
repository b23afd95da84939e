import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DrawbridgeError } from '../../src/errors.ts';
import { type Bridges, type BridgesOptions, createBridges } from '../../src/runs/bridges.ts';
import type { LogEvent } from '../../src/runs/event-text.ts';
import {
  type LogDatabase,
  type TestBridge,
  completed,
  createLogDatabase,
  logger,
  newRun,
  started,
} from './log-database.ts';

let db: LogDatabase;
let dead: TestBridge;
let survivor: TestBridge;
let open: Bridges[];

beforeEach(async () => {
  db = await createLogDatabase();
  [dead, survivor] = await Promise.all([db.addBridge(), db.addBridge()]);
  open = [];
});
afterEach(async () => {
  for (const bridges of open) await bridges.close();
  await db.close();
});

function bridgesOf({ id, log }: TestBridge, more: Partial<BridgesOptions> = {}): Bridges {
  const bridges = createBridges({
    upkeep: db.upkeep,
    log,
    logger,
    self: { id, pid: 1, host: 'here' },
    onTakenForDead: () => Promise.resolve(id),
    isAlive: () => true,
    ...more,
  });
  open.push(bridges);
  return bridges;
}

function stop(bridge: TestBridge) {
  return db.store.db.execute(
    sql`update bridges set beat_at = now() - interval '31 seconds' where id = ${bridge.id}`,
  );
}
function run(id: string) {
  return db.queries.run(db.tenantId, id);
}
async function types(id: string) {
  return (await db.events(id)).map(({ type }) => type);
}

test("a dead bridge's calls and runs are ended, once, by whichever survivor comes first", async () => {
  const third = await db.addBridge();
  const streams = await Promise.all(
    [1, 2].map(async () => (await dead.log.open(newRun(db.tenantId, { kind: 'stream' }))).id),
  );
  const [busy = '', idle = ''] = streams;
  for (const call of ['a', 'b', 'c']) await dead.log.append(busy, started(call));
  await dead.log.append(busy, completed('b'));
  const mine = (await survivor.log.open(newRun(db.tenantId, { kind: 'stream' }))).id;
  await survivor.log.append(mine, started('d'));
  await stop(dead);
  const counts = await Promise.all(
    [survivor, third].map((bridge) => bridgesOf(bridge).endRunsOfDeadBridges()),
  );
  expect(counts.toSorted((a, b) => b.calls - a.calls)).toEqual([
    { calls: 2, runs: 2 },
    { calls: 0, runs: 0 },
  ]);
  expect(await types(busy)).toEqual([
    'run.started',
    'call.started',
    'call.started',
    'call.started',
    'call.completed',
    'call.failed',
    'call.failed',
    'run.failed',
  ]);
  const events = await db.events(busy, 5);
  expect(events.map(({ payload }) => payload)).toMatchObject([
    { callId: 'a', outcome: 'unknown' },
    { callId: 'c', outcome: 'unknown' },
    {},
  ]);
  expect(await run(busy)).toMatchObject({ status: 'failed' });
  expect(await run(idle)).toMatchObject({ status: 'completed' });
  expect(await run(mine)).toMatchObject({ status: 'working' });
  expect(await bridgesOf(survivor).endRunsOfDeadBridges()).toEqual({ calls: 0, runs: 0 });
});

test('a session outlives its bridge; only the calls that the dead one carried end', async () => {
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'session' }));
  await dead.log.append(id, started('a'));
  await survivor.log.append(id, started('b'));
  const elsewhere = (await survivor.log.open(newRun(db.tenantId, { kind: 'session' }))).id;
  await dead.log.append(elsewhere, started('c'));
  await stop(dead);
  expect(await bridgesOf(survivor).endRunsOfDeadBridges()).toEqual({ calls: 2, runs: 0 });
  expect(await run(id)).toMatchObject({ status: 'working', lastSeq: 4 });
  const [failed] = await db.events(id, 3);
  expect(failed).toMatchObject({ type: 'call.failed', payload: { callId: 'a' } });
  expect(await types(elsewhere)).toEqual(['run.started', 'call.started', 'call.failed']);
});

test('a bridge whose process is gone is dead at once, and so is any other of a locked home', async () => {
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'rest' }));
  const self = { id: survivor.id, pid: 1, host: 'test' };
  await bridgesOf(survivor, { self, isAlive: () => true }).endRunsOfDeadBridges();
  expect(await run(id)).toMatchObject({ status: 'working' });
  await bridgesOf(survivor, { self, isAlive: () => false }).endRunsOfDeadBridges();
  expect(await run(id)).toMatchObject({ status: 'completed' });

  const next = await db.addBridge();
  const later = (await next.log.open(newRun(db.tenantId, { kind: 'rest' }))).id;
  await bridgesOf(survivor, { isAlone: true }).endRunsOfDeadBridges();
  expect(await run(later)).toMatchObject({ status: 'completed' });
});

test('a process of another host is not looked for on this one', async () => {
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'rest' }));
  // The same number as the other's, which says nothing from one host to the next.
  const self = { id: survivor.id, pid: process.pid, host: 'elsewhere' };
  await bridgesOf(survivor, { self, isAlive: () => false }).endRunsOfDeadBridges();
  expect(await run(id)).toMatchObject({ status: 'working' });
});

test('what a survivor left half done because it died too is done by the next', async () => {
  const third = await db.addBridge();
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'stream' }));
  await dead.log.append(id, started('a'));
  await stop(dead);
  expect(await db.upkeep.claim(survivor.id, [dead.id])).toEqual([dead.id]);
  expect(await db.upkeep.claim(third.id, [dead.id])).toEqual([]);
  await stop(survivor);
  const last = bridgesOf(third);
  await last.endRunsOfDeadBridges();
  await last.endRunsOfDeadBridges();
  expect(await run(id)).toMatchObject({ status: 'failed', lastSeq: 4 });
});

test('a bridge taken for dead writes nothing more, and goes on under another id', async () => {
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'stream' }));
  const session = (await survivor.log.open(newRun(db.tenantId))).id;
  const before = dead.log.calls();
  await before.append(session, started('a'));
  await before.append(id, started('b'));
  await stop(dead);
  const waits = before.append(id, completed('b'));
  await Promise.allSettled([bridgesOf(survivor).endRunsOfDeadBridges(), waits]);
  await expect(dead.log.append(id, started('c'))).rejects.toMatchObject({
    code: 'log/unavailable',
  });
  const renewed = vi.fn<(id: string) => void>();
  const onTakenForDead = async (): Promise<string> => {
    const next = await db.renewBridge(dead);
    renewed(next);
    return next;
  };
  bridgesOf(dead, { onTakenForDead, beatMs: 10 });
  await vi.waitFor(() => expect(renewed).toHaveBeenCalledOnce());
  // The survivor ended the call of the session: its own end comes too late, and nothing else of it comes.
  await expect(before.append(session, completed('a'))).rejects.toMatchObject({
    code: 'log/unavailable',
  });
  await dead.log.calls().append(session, started('d'));
  await dead.log.calls().append(session, completed('d'));
  expect(await types(session)).toEqual([
    'run.started',
    'call.started',
    'call.failed',
    'call.started',
    'call.completed',
  ]);
  // What is left of the run that was ended is refused by the database itself.
  await expect(dead.log.calls().append(id, completed('b'))).rejects.toMatchObject({
    code: 'log/unavailable',
    message: expect.stringContaining('has ended'),
  });
  expect((await types(id)).filter((type) => type !== 'call.completed')).toEqual(
    expect.arrayContaining(['run.started', 'call.started']),
  );
  expect((await types(id)).at(-1)).toMatch(/^run\./);
  const again = await dead.log.open(newRun(db.tenantId, { kind: 'stream' }));
  expect(await run(again.id)).toMatchObject({ status: 'working' });
  const [start] = await db.events(session, 3);
  expect(start?.payload['bridge']).toBe(renewed.mock.lastCall?.[0]);
});

test('a beat tells whether there are others, and a bridge that closed is none', async () => {
  const bridges = bridgesOf(survivor, { beatMs: 10 });
  await vi.waitFor(() => expect(bridges.hasPeers()).toBe(true));
  await bridgesOf(dead).close();
  await vi.waitFor(() => expect(bridges.hasPeers()).toBe(false));
});

test('a call that cannot be ended leaves the others, and the sweep, as they should be', async () => {
  const [odd = '', sound = ''] = await Promise.all(
    [1, 2].map(async () => (await dead.log.open(newRun(db.tenantId, { kind: 'stream' }))).id),
  );
  await dead.log.append(sound, started('a'));
  await dead.log.append(odd, started('b'));
  for (const payload of ['null', '"callId"', '[1]', '{}', '{"callId":7}', '{"callId":"\\u0000"}']) {
    const bound = payload.replace(/^\{/, `{"bridge":"${dead.id}",`).replace(',}', '}');
    await db.store.db.execute(sql`
      insert into run_events (run_id, seq, tenant_id, type, version, at, payload)
      select ${odd}, max(seq) + 1, ${db.tenantId}, 'call.started', 1, now(), ${bound}::json
      from run_events where run_id = ${odd}`);
    await db.store.db.execute(sql`update runs set last_seq = last_seq + 1 where id = ${odd}`);
  }
  await stop(dead);
  const refusing = {
    ...survivor.log,
    append: (runId: string, event: LogEvent) =>
      runId === odd
        ? Promise.reject(new DrawbridgeError('run/unknown', 'gone'))
        : survivor.log.append(runId, event),
  };
  const bridges = bridgesOf({ id: survivor.id, log: refusing });
  expect(await bridges.endRunsOfDeadBridges()).toEqual({ calls: 1, runs: 2 });
  expect(await run(sound)).toMatchObject({ status: 'failed' });
  expect(await types(sound)).toContain('call.failed');
  expect(await bridges.endRunsOfDeadBridges()).toEqual({ calls: 0, runs: 0 });
});

test('what could not be ended because the log was away is ended by the next sweep', async () => {
  const { id } = await dead.log.open(newRun(db.tenantId, { kind: 'stream' }));
  await dead.log.append(id, started('a'));
  await stop(dead);
  let isAway = true;
  const flaky = {
    ...survivor.log,
    append: (runId: string, event: LogEvent) =>
      isAway
        ? Promise.reject(new DrawbridgeError('log/unavailable', 'away'))
        : survivor.log.append(runId, event),
  };
  const bridges = bridgesOf({ id: survivor.id, log: flaky });
  expect(await bridges.endRunsOfDeadBridges()).toEqual({ calls: 0, runs: 0 });
  isAway = false;
  expect(await bridges.endRunsOfDeadBridges()).toEqual({ calls: 1, runs: 1 });
});

test('what a bridge still owed when it stopped is ended by the next one', async () => {
  const { id } = await survivor.log.open(newRun(db.tenantId));
  const rest = (await dead.log.open(newRun(db.tenantId, { kind: 'rest' }))).id;
  await dead.log.append(id, started('a'));
  await db.upkeep.retire(dead.id, true);
  expect(await bridgesOf(survivor).endRunsOfDeadBridges()).toEqual({ calls: 1, runs: 1 });
  expect(await types(id)).toEqual(['run.started', 'call.started', 'call.failed']);
  expect(await run(rest)).toMatchObject({ status: 'completed' });
  expect(await bridgesOf(survivor).endRunsOfDeadBridges()).toEqual({ calls: 0, runs: 0 });
});

test('a bridge that could not beat itself waits before it takes others for dead', async () => {
  const { promise: away, resolve: back } = withResolvers();
  let beatsSince = 0;
  let isAway = false;
  const taken = vi.fn<(beats: number) => void>();
  const upkeep = {
    ...db.upkeep,
    async beat(id: string, staleSeconds: number) {
      if (isAway) await away;
      const found = await db.upkeep.beat(id, staleSeconds);
      beatsSince += 1;
      return found;
    },
    claim(id: string, ids: readonly string[]) {
      if (ids.length > 0) taken(beatsSince);
      return db.upkeep.claim(id, ids);
    },
  };
  bridgesOf(survivor, { upkeep, beatMs: 100 });
  await vi.waitFor(() => expect(beatsSince).toBeGreaterThan(3), { timeout: 20_000 });
  isAway = true;
  await stop(dead);
  await delay(500);
  beatsSince = 0;
  back();
  isAway = false;
  await vi.waitFor(() => expect(taken).toHaveBeenCalled(), { timeout: 20_000 });
  expect(taken.mock.calls[0]?.[0]).toBeGreaterThanOrEqual(2);
});

test('the run of a session that is over, or never came to be, is found open', async () => {
  const [over = '', going = ''] = await Promise.all(
    [1, 2].map(async () => (await survivor.log.open(newRun(db.tenantId))).id),
  );
  await db.store.db.execute(sql`
    insert into users (id, tenant_id, name, role) values (${survivor.id}, ${db.tenantId}, 'joe', 'member')`);
  await db.store.db.execute(sql`
    insert into sessions (id, tenant_id, run_id, user_id, view, protocol_version, client_info, capabilities, ended_at)
    select r.id, r.tenant_id, r.id, ${survivor.id}, 'all', '', '{}', '{}', case when r.id = ${over} then now() end
    from runs r where r.id in (${over}, ${going})`);
  const lost = (await survivor.log.open(newRun(db.tenantId))).id;
  expect(await db.upkeep.runsOfEndedSessions()).toEqual([over]);
  await db.store.db.execute(
    sql`update runs set started_at = now() - interval '2 hours' where id = ${lost}`,
  );
  expect((await db.upkeep.runsOfEndedSessions()).toSorted()).toEqual([over, lost].toSorted());
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
