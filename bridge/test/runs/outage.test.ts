import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { query } from '../support/postgres-server.ts';
import { type CuttingProxy, createCuttingProxy } from './cutting-proxy.ts';
import {
  type LogDatabase,
  type TestBridge,
  completed,
  createLogDatabase,
  newRun,
  progress,
  started,
} from './log-database.ts';

const POLL = { timeout: 20_000 };

let db: LogDatabase;
let proxy: CuttingProxy;
let bridge: TestBridge;
let runId: string;

beforeAll(async () => {
  db = await createLogDatabase();
  proxy = await createCuttingProxy(db.url);
});
beforeEach(async () => {
  proxy.isDown = false;
  bridge = await db.addBridge({ connect: proxy.connect, timeoutMs: 1_000 });
  ({ id: runId } = await bridge.log.open(newRun(db.tenantId)));
});
afterAll(async () => {
  await db.close();
  await proxy.close();
});

async function readIds(): Promise<unknown[]> {
  const events = await db.events(runId, 1);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 2));
  return events.map(({ payload }) => payload['callId']);
}

describe('a connection lost in a commit', () => {
  test('before the statement arrived: it is written on a new connection', async () => {
    proxy.next = 'lose';
    expect(await bridge.log.append(runId, progress('a'))).toBe(2);
    expect(await readIds()).toEqual(['a']);
  });

  test('before its answer arrived: it is found, and not written again', async () => {
    proxy.next = 'answer lost';
    const seqs = await Promise.all(
      ['a', 'b', 'c'].map((id) => bridge.log.append(runId, progress(id))),
    );
    expect(seqs).toEqual([2, 3, 4]);
    expect(await bridge.log.append(runId, progress('d'))).toBe(5);
    expect(await readIds()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('with the statement still on its way: when it arrives late, it changes nothing', async () => {
    proxy.next = 'hold';
    expect(await bridge.log.append(runId, progress('a'))).toBe(2);
    await proxy.release();
    expect(await bridge.log.append(runId, progress('b'))).toBe(3);
    expect(await readIds()).toEqual(['a', 'b']);
  });

  test.each(['lose', 'answer lost', 'hold'] as const)(
    'and no new one in time (%s): the outcome is called unknown, and what follows is right',
    async (next) => {
      proxy.next = next;
      proxy.isDown = 'afterNext';
      await expect(bridge.log.append(runId, progress('a'))).rejects.toMatchObject({
        code: 'log/outcome_unknown',
      });
      proxy.isDown = false;
      const seq = await bridge.log.append(runId, progress('b'));
      if (next === 'hold') await proxy.release();
      expect(await readIds()).toEqual(next === 'answer lost' ? ['a', 'b'] : ['b']);
      expect(seq).toBe(next === 'answer lost' ? 3 : 2);
    },
  );
});

test('a log that could not be written says so until it can be', async () => {
  await expect(bridge.log.check()).resolves.toBeUndefined();
  proxy.next = 'lose';
  proxy.isDown = 'afterNext';
  await expect(bridge.log.append(runId, progress('a'))).rejects.toMatchObject({
    code: 'log/outcome_unknown',
  });
  await expect(bridge.log.check()).rejects.toMatchObject({ code: 'log/unavailable' });
  proxy.isDown = false;
  await expect(bridge.log.check()).resolves.toBeUndefined();
});

describe('an end that could not be written', () => {
  const types = async (id = runId): Promise<unknown[]> =>
    (await db.events(id)).map(({ type, payload }) => payload['callId'] ?? type);
  const open = async (): Promise<string> =>
    (await bridge.log.open(newRun(db.tenantId, { kind: 'rest' }))).id;

  test.each(['lose', 'answer lost', 'hold'] as const)(
    'is written once when the log can be written again, and its run ends after it (%s)',
    async (next) => {
      const id = await open();
      const calls = bridge.log.calls();
      await calls.append(id, started('a'));
      proxy.next = next;
      proxy.isDown = 'afterNext';
      await expect(calls.append(id, completed('a'))).rejects.toMatchObject({
        code: 'log/outcome_unknown',
      });
      await bridge.log.end(id, 'completed');
      proxy.isDown = false;
      if (next === 'hold') await proxy.release();
      const all = ['run.started', 'a', 'a', 'run.completed'];
      await expect.poll(() => types(id), POLL).toEqual(all);
      expect((await db.events(id, 2))[0]).toMatchObject({ type: 'call.completed', durationMs: 2 });
      expect(bridge.log.owes()).toBe(false);
    },
  );

  test('is not written when the call did not get into the log', async () => {
    const id = await open();
    const calls = bridge.log.calls();
    proxy.isDown = true;
    proxy.next = 'lose';
    const both = await Promise.allSettled([
      calls.append(id, started('a')),
      calls.append(id, completed('a')),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await bridge.log.end(id, 'failed');
    proxy.isDown = false;
    await expect.poll(() => types(id), POLL).toEqual(['run.started', 'run.failed']);
    expect(bridge.log.owes()).toBe(false);
  });

  test('because too much waited is written when there is room', async () => {
    const id = await open();
    const calls = bridge.log.calls();
    await calls.append(id, started('a'));
    const holder = await db.store.connect();
    await holder.query('begin');
    await holder.query('select from runs where id = $1 for update', [runId]);
    const stuck = bridge.log.append(runId, progress('stuck'));
    await delay(50);
    const behind = calls.append(id, completed('a'));
    const both = Promise.allSettled([stuck, behind]);
    await expect(behind).rejects.toMatchObject({ code: 'log/unavailable' });
    await both;
    await holder.query('rollback');
    await holder.end();
    await expect.poll(() => types(id), POLL).toEqual(['run.started', 'a', 'a']);
  });

  test('of a run that did not get into the log is forgotten', async () => {
    proxy.next = 'lose';
    proxy.isDown = 'afterNext';
    const id = createId();
    const opened = bridge.log.open(newRun(db.tenantId, { id, kind: 'rest' }));
    await expect(opened).rejects.toThrow(/lost in a commit/);
    // It is owed already, in case that the run is there.
    await bridge.log.end(id, 'failed');
    proxy.isDown = false;
    await expect.poll(() => bridge.log.owes(), POLL).toBe(false);
    expect(await db.queries.run(db.tenantId, id)).toBeUndefined();
  });

  test('of a run that may have been opened is written, where nobody else would end it', async () => {
    proxy.next = 'answer lost';
    proxy.isDown = 'afterNext';
    const id = createId();
    const opened = bridge.log.open(newRun(db.tenantId, { id, kind: 'rest' }));
    await expect(opened).rejects.toMatchObject({ code: 'log/outcome_unknown' });
    proxy.isDown = false;
    await expect.poll(() => types(id), POLL).toEqual(['run.started', 'run.failed']);
  });

  test('keeps nobody from writing, and what is large is told in short', async () => {
    const id = await open();
    const calls = bridge.log.calls();
    await calls.append(id, started('large'));
    proxy.next = 'lose';
    proxy.isDown = 'afterNext';
    const text = 'x'.repeat(300_000);
    await expect(calls.append(id, completed('large', { text }))).rejects.toMatchObject({
      code: expect.stringMatching(/^log\//),
    });
    proxy.isDown = false;
    await calls.append(id, started('b'));
    await calls.append(id, completed('b'));
    await expect.poll(() => bridge.log.owes(), POLL).toBe(false);
    const ends = (await db.events(id)).filter(({ payload }) => payload['callId'] === 'large');
    expect(ends).toHaveLength(2);
  });
});

test('a run ends after the calls that are under way in it, and takes no more', async () => {
  const calls = bridge.log.calls();
  await calls.append(runId, started('a'));
  await bridge.log.end(runId, 'completed');
  await expect(calls.append(runId, started('b'))).rejects.toMatchObject({
    code: 'log/unavailable',
  });
  await calls.append(runId, completed('b'));
  await calls.append(runId, completed('a'));
  await expect
    .poll(async () => (await db.events(runId)).map(({ type }) => type), POLL)
    .toEqual(['run.started', 'call.started', 'call.completed', 'call.completed', 'run.completed']);
});

test('nothing is written after the end of a run, whoever writes', async () => {
  const other = await db.addBridge();
  await bridge.log.end(runId, 'completed');
  const late = await Promise.allSettled([
    bridge.log.append(runId, progress('a')),
    other.log.append(runId, progress('b')),
    other.log.append(runId, completed('c', { text: 'x'.repeat(20_000) })),
  ]);
  expect(late.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await other.log.end(runId, 'failed');
  expect((await db.events(runId)).map(({ type }) => type)).toEqual([
    'run.started',
    'run.completed',
  ]);
  expect(await db.queries.run(db.tenantId, runId)).toMatchObject({
    status: 'completed',
    lastSeq: 2,
  });
});

describe('a database that is away', () => {
  test('fails an append in time, and says that nothing was recorded', async () => {
    const away = await db.addBridge({
      connect: () => Promise.reject(new Error('connection refused')),
      timeoutMs: 200,
    });
    const begun = performance.now();
    await expect(away.log.append(runId, progress('a'))).rejects.toMatchObject({
      code: 'log/unavailable',
      message: expect.stringContaining('connection refused'),
    });
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(await readIds()).toEqual([]);
  });

  test('and comes back in time costs an append nothing but the wait', async () => {
    const waiting = await db.addBridge({ connect: proxy.connect, timeoutMs: 60_000 });
    proxy.isDown = true;
    proxy.next = 'lose';
    const appended = waiting.log.append(runId, progress('a'));
    await expect.poll(() => proxy.refused).toBeGreaterThan(1);
    proxy.isDown = false;
    expect(await appended).toBe(2);
  });

  test('and hangs fails those who wait behind the statement that hangs', async () => {
    const holder = await db.store.connect();
    await holder.query('begin');
    await holder.query('select from runs where id = $1 for update', [runId]);
    const stuck = bridge.log.append(runId, progress('a'));
    await delay(50);
    const behind = bridge.log.append(runId, progress('b'));
    const all = Promise.allSettled([stuck, behind]);
    await expect(behind).rejects.toMatchObject({ code: 'log/unavailable' });
    await expect(stuck).rejects.toMatchObject({ code: 'log/outcome_unknown' });
    await all;
    await holder.query('rollback');
    await holder.end();
    const seq = await bridge.log.append(runId, progress('c'));
    const ids = await readIds();
    expect(ids.at(-1)).toBe('c');
    expect(ids).not.toContain('b');
    expect(seq).toBe(ids.length + 1);
  });
});

// Holds: log/nothing-twice
test('connections killed again and again under load lose nothing acknowledged and double nothing', async () => {
  const killers = await Promise.all([db.addBridge(), db.addBridge()]);
  const runIds = await Promise.all(
    [0, 1, 2, 3].map(async () => (await bridge.log.open(newRun(db.tenantId))).id),
  );
  const acknowledged = new Map<string, { runId: string; seq: number }>();
  let isDone = false;
  const load = Array.from({ length: 32 }, async (_, writer) => {
    const log = killers[writer % 2]?.log ?? bridge.log;
    for (let step = 0; step < 60; step += 1) {
      const id = `w${writer}.${step}`;
      const target = runIds[(writer + step) % runIds.length] ?? '';
      acknowledged.set(id, { runId: target, seq: await log.append(target, progress(id)) });
      await delay(5);
    }
  });
  const killing = (async () => {
    let kills = 0;
    for (; !isDone; kills += 1) {
      await query(
        db.url,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and query like '%batch_tx = pg_current_xact_id()%'
           and pid <> pg_backend_pid()`,
      );
      await delay(10);
    }
    return kills;
  })();
  await Promise.all(load);
  isDone = true;
  expect(await killing).toBeGreaterThan(10);
  expect(acknowledged.size).toBe(32 * 60);
  let count = 0;
  for (const id of runIds) {
    const events = await db.events(id, 1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 2));
    for (const { payload, seq } of events) {
      expect(acknowledged.get(String(payload['callId']))).toEqual({ runId: id, seq });
    }
    count += events.length;
  }
  expect(count).toBe(acknowledged.size);
});

test('a bridge that was taken for dead writes nothing under its id any more', async () => {
  await db.store.db.execute(sql`update bridges set ended_at = now() where id = ${bridge.id}`);
  const refused = {
    code: 'log/unavailable',
    message: expect.stringContaining('taken for dead'),
  };
  await expect(bridge.log.append(runId, progress('a'))).rejects.toMatchObject(refused);
  expect(await db.upkeep.beat(bridge.id, 30)).toMatchObject({ wasEnded: true });
  await expect(bridge.log.append(runId, progress('b'))).rejects.toMatchObject(refused);
  await db.renewBridge(bridge);
  expect(await bridge.log.append(runId, progress('c'))).toBe(2);
  expect(await readIds()).toEqual(['c']);
});
