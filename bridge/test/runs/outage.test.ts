import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { query } from '../support/postgres-server.ts';
import { type CuttingProxy, createCuttingProxy } from './cutting-proxy.ts';
import {
  type LogDatabase,
  type TestBridge,
  createLogDatabase,
  newRun,
  progress,
} from './log-database.ts';

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
  bridge = await db.addBridge({ connect: proxy.connect, patience: 400 });
  ({ id: runId } = await bridge.log.open(newRun(db.tenantId)));
});
afterAll(async () => {
  await db.close();
  await proxy.close();
});

const readIds = async (): Promise<unknown[]> => {
  const events = await db.events(runId, 1);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 2));
  return events.map(({ payload }) => payload['callId']);
};

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

describe('a database that is away', () => {
  test('fails an append in time, and says that nothing was recorded', async () => {
    const away = await db.addBridge({
      connect: () => Promise.reject(new Error('connection refused')),
      patience: 200,
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
    proxy.isDown = true;
    proxy.next = 'lose';
    const appended = bridge.log.append(runId, progress('a'));
    while (proxy.next !== undefined) await delay(1);
    await delay(100);
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

test('a bridge that was taken for dead writes nothing until it beats again', async () => {
  await db.store.db.execute(sql`update bridges set ended_at = now() where id = ${bridge.id}`);
  await expect(bridge.log.append(runId, progress('a'))).rejects.toMatchObject({
    code: 'log/unavailable',
    message: expect.stringContaining('taken for dead'),
  });
  expect(await db.upkeep.beat(bridge.id, 30)).toMatchObject({ wasEnded: true });
  expect(await bridge.log.append(runId, progress('b'))).toBe(2);
  expect(await readIds()).toEqual(['b']);
});
