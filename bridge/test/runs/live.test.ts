import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { v7 as createId } from 'uuid';
import { type LiveRuns, createLiveRuns } from '../../src/runs/live.ts';
import type { LogEvent } from '../../src/runs/event-text.ts';
import { MAX_POLL_MS } from '../../src/runs/polling.ts';
import {
  type CommitNotifications,
  createCommitNotifications,
} from '../../src/runs/commit-notifications.ts';
import { type RunReader, type TenantEvent, createRunReader } from '../../src/runs/reader.ts';
import type { StoredEvent } from '../../src/store/run-queries.ts';
import { createTestDatabase } from '../support/postgres.ts';
import {
  type LogDatabase,
  type TestBridge,
  createLogDatabase,
  logger,
  newRun,
  progress,
  toRunEvent,
} from './log-database.ts';

let db: LogDatabase;
let bridge: TestBridge;
let other: TestBridge;
let reader: RunReader;
let notifications: CommitNotifications[];
let live: LiveRuns;
/** Of another bridge: hears of the first one's commits by notification only. */
let distant: LiveRuns;

beforeAll(async () => {
  db = await createLogDatabase();
  [bridge, other] = await Promise.all([db.addBridge(), db.addBridge()]);
  reader = createRunReader(db.queries);
  notifications = await Promise.all(
    [bridge, other].map(({ id, log }) =>
      createCommitNotifications({
        log,
        bridgeId: id,
        logger,
        listen: db.store.listen,
        notify: db.upkeep.notify,
        hasPeers: () => true,
      }),
    ),
  );
  const [near, far] = notifications.map((one) => createLiveRuns({ reader, notifications: one }));
  if (near === undefined || far === undefined) throw new Error('two were made');
  [live, distant] = [near, far];
});
afterAll(async () => {
  for (const one of notifications) await one.close();
  await db.close();
});

async function open(tenantId = db.tenantId): Promise<string> {
  return (await bridge.log.open(newRun(tenantId))).id;
}
const never = new AbortController().signal;
function runIdOf(event: StoredEvent): string {
  return toRunEvent(event).runId;
}

function iterate<T>(items: AsyncIterable<T>): AsyncIterator<T> {
  return items[Symbol.asyncIterator]();
}

/** Reads until `enough` says so, then leaves as a client does whose connection breaks. */
async function take<T extends StoredEvent>(
  follow: (signal: AbortSignal) => AsyncIterable<T>,
  enough: (items: readonly T[]) => boolean,
): Promise<T[]> {
  const abort = new AbortController();
  const items: T[] = [];
  for await (const item of follow(abort.signal)) {
    items.push(item);
    if (enough(items)) break;
  }
  abort.abort();
  return items;
}

describe('a reader of a run', () => {
  test('sees what was and what comes, and ends with the run', async () => {
    const runId = await open();
    await bridge.log.append(runId, progress('a'));
    const all = take(
      (signal) => live.follow(db.tenantId, runId, { signal }),
      () => false,
    );
    await bridge.log.append(runId, progress('b'));
    await bridge.log.end(runId, 'completed');
    expect((await all).map(({ type }) => type)).toEqual([
      'run.started',
      'call.progress',
      'call.progress',
      'run.completed',
    ]);
  });

  test('that comes after the end gets the rest, or nothing', async () => {
    const runId = await open();
    await bridge.log.end(runId, 'completed');
    const from = (after: number) =>
      take(
        (signal) => live.follow(db.tenantId, runId, { after, signal }),
        () => false,
      );
    expect(await from(0)).toHaveLength(2);
    expect(await from(1)).toHaveLength(1);
    expect(await from(2)).toHaveLength(0);
  });

  // Holds: readers/exactly-once
  test.each(['near', 'distant'])(
    'cut off at random and resumed sees each event once (%s)',
    async (where) => {
      const runId = await open();
      const source = where === 'near' ? live : distant;
      const writing = (async () => {
        for (let step = 0; step < 400; step += 1) {
          const { log } = step % 3 === 0 ? other : bridge;
          const appended = log.append(runId, progress(`${step}`));
          if (step % 7 === 0) await appended;
        }
        await Promise.all([bridge.log.flush(), other.log.flush()]);
        await bridge.log.end(runId, 'completed');
      })();
      const readAll = async (start: number): Promise<void> => {
        const seen: number[] = [];
        let cuts = 0;
        for (let random = start; seen.at(-1) !== 402; cuts += 1) {
          random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
          const many = 1 + (random % 40);
          const items = await take(
            (signal) => source.follow(db.tenantId, runId, { after: seen.at(-1) ?? 0, signal }),
            ({ length }) => length === many,
          );
          seen.push(...items.map(({ seq }) => seq));
        }
        expect(seen).toEqual(Array.from({ length: 402 }, (_, index) => index + 1));
        expect(cuts).toBeGreaterThan(10);
      };
      await Promise.all([writing, ...[3, 5, 7, 11].map(readAll)]);
    },
  );

  test.each(['near', 'distant'])('has an event soon after its commit (%s)', async (where) => {
    const runId = await open();
    const source = where === 'near' ? live : distant;
    const delays: number[] = [];
    const items = iterate(source.follow(db.tenantId, runId, { after: 1, signal: never }));
    for (let step = 0; step < 10; step += 1) {
      const next = items.next();
      await bridge.log.append(runId, progress(`${step}`));
      const committed = performance.now();
      await next;
      delays.push(performance.now() - committed);
    }
    await items.return?.();
    delays.sort((a, b) => a - b);
    // One that only looks again by itself waits twice as long.
    expect(delays[5]).toBeLessThan(MAX_POLL_MS / 2);
  });

  test('that is slow keeps nobody waiting and misses nothing', async () => {
    const runId = await open();
    const items = iterate(live.follow(db.tenantId, runId, { signal: never }));
    await items.next();
    await Promise.all(
      Array.from({ length: 1_000 }, (_, step) => bridge.log.append(runId, progress(`${step}`))),
    );
    await bridge.log.end(runId, 'completed');
    let count = 1;
    for (let next = await items.next(); next.done !== true; next = await items.next()) count += 1;
    expect(count).toBe(1_002);
  });

  test('that falls behind others misses nothing', async () => {
    const runId = await open();
    const fast = take(
      (signal) => live.follow(db.tenantId, runId, { signal }),
      () => false,
    );
    const slow = iterate(live.follow(db.tenantId, runId, { signal: never }));
    const seen: StoredEvent[] = [];
    const read = async (): Promise<boolean> => {
      const { value, done } = await slow.next();
      if (done !== true) seen.push(value);
      return done !== true;
    };
    await read();
    // More than is held for those at the live edge, by number and by size.
    const large: LogEvent = {
      type: 'call.progress',
      payload: { callId: 'a', progress: 1, message: 'x'.repeat(8_000) },
    };
    for (let lot = 0; lot < 6; lot += 1) {
      await Promise.all(Array.from({ length: 100 }, () => bridge.log.append(runId, large)));
      for (let step = 0; step < 7; step += 1) await read();
    }
    await bridge.log.end(runId, 'completed');
    while (await read());
    const all = Array.from({ length: 602 }, (_, index) => index + 1);
    expect(seen.map(({ seq }) => seq)).toEqual(all);
    expect((await fast).map(({ seq }) => seq)).toEqual(all);
  });

  test('ahead of the run waits for what comes after its place, and disturbs nobody', async () => {
    const runId = await open();
    const follow = (after: number) =>
      take(
        (signal) => live.follow(db.tenantId, runId, { after, signal }),
        () => false,
      );
    const [ahead, beyond, edge] = [follow(3), follow(99), follow(1)];
    for (const call of ['a', 'b', 'c']) await bridge.log.append(runId, progress(call));
    await bridge.log.end(runId, 'completed');
    const seqs = async (items: Promise<StoredEvent[]>) => (await items).map(({ seq }) => seq);
    expect(await seqs(ahead)).toEqual([4, 5]);
    expect(await seqs(beyond)).toEqual([]);
    expect(await seqs(edge)).toEqual([2, 3, 4, 5]);
  });

  test('is told when the run is not there, is of another tenant, or was pruned', async () => {
    const runId = await open();
    const first = (tenantId: string, id: string, after = 0) =>
      take(
        (signal) => live.follow(tenantId, id, { after, signal }),
        () => true,
      );
    await expect(first(db.tenantId, createId())).rejects.toMatchObject({ code: 'run/unknown' });
    const owner = iterate(live.follow(db.tenantId, runId, { signal: never }));
    await owner.next();
    const held = owner.next();
    await bridge.log.append(runId, progress('a'));
    await held;
    await expect(first(await db.addTenant(), runId)).rejects.toMatchObject({ code: 'run/unknown' });
    await owner.return?.();
    await db.store.db.execute(
      sql`update runs set last_seq = 9, id = ${createId()} where id = ${runId}`,
    );
    const [pruned] = (await reader.runs(db.tenantId, { limit: 1 })).runs;
    await expect(first(db.tenantId, pruned?.id ?? '', 3)).rejects.toMatchObject({
      code: 'run/pruned',
    });
  });

  test('ends without an error when it is aborted', async () => {
    const runId = await open();
    const abort = new AbortController();
    const items = take(
      () => live.follow(db.tenantId, runId, { signal: abort.signal }),
      () => {
        setTimeout(() => abort.abort(), 20);
        return false;
      },
    );
    expect(await items).toHaveLength(1);
  });
});

describe('a reader of all runs of a tenant', () => {
  test('cut off at random and resumed sees each event once, of two bridges, and none of another tenant', async () => {
    const tenantId = await db.addTenant();
    const start = await reader.now();
    const runIds = await Promise.all([open(tenantId), open(tenantId), open(tenantId), open()]);
    const writing = Promise.all(
      [bridge, other].flatMap(({ log }) =>
        runIds.map(async (runId) => {
          for (let step = 0; step < 60; step += 1) await log.append(runId, progress(`${step}`));
        }),
      ),
    );
    const seen: TenantEvent[] = [];
    for (let random = 3; seen.length < 3 * 121;) {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      const many = Math.min(1 + (random % 50), 3 * 121 - seen.length);
      const after = seen.at(-1)?.cursor ?? start;
      const items = await take(
        (signal) => live.followAll(tenantId, { after, signal }),
        ({ length }) => length === many,
      );
      seen.push(...items);
    }
    await writing;
    for (const runId of runIds.slice(0, 3)) {
      const seqs = seen.filter((event) => runIdOf(event) === runId).map(({ seq }) => seq);
      expect(seqs.sort((a, b) => a - b)).toEqual(
        Array.from({ length: 121 }, (_, index) => index + 1),
      );
    }
    expect(new Set(seen.map(runIdOf))).toEqual(new Set(runIds.slice(0, 3)));
  });

  test('waits for a transaction that began before and is still open', async () => {
    const tenantId = await db.addTenant();
    const runId = await open(tenantId);
    const after = await reader.now();
    const holder = await db.store.connect();
    await holder.query('begin');
    await holder.query('select pg_current_xact_id()');
    await bridge.log.append(runId, progress('a'));
    const held = await reader.tenantEvents(tenantId, { after, limit: 9 });
    expect(held.isBehind).toBe(true);
    expect(held.events.map(({ type }) => type)).not.toContain('call.progress');
    const items = take(
      (signal) => live.followAll(tenantId, { after, signal }),
      (seen) => seen.at(-1)?.type === 'call.progress',
    );
    await holder.query('commit');
    await holder.end();
    const last = (await items).at(-1);
    expect(last && toRunEvent(last)).toMatchObject({ runId, seq: 2 });
  });

  test('does not wait for a transaction of another database', async () => {
    const elsewhere = await createTestDatabase({ empty: true });
    const stranger = new Client({ connectionString: elsewhere.url });
    await stranger.connect();
    await stranger.query('begin');
    await stranger.query('select pg_current_xact_id()');
    const holder = await db.store.connect();
    try {
      const tenantId = await db.addTenant();
      const runId = await open(tenantId);
      const after = await reader.now();
      await bridge.log.append(runId, progress('a'));
      const page = await reader.tenantEvents(tenantId, { after, limit: 9 });
      expect(page.events.map(({ seq }) => seq)).toEqual([2]);
      expect(page.isBehind).toBe(false);
      // One of this database is waited for all the same, and nothing of it is missed.
      const cursor = page.events.at(-1)?.cursor ?? '';
      await holder.query('begin');
      await holder.query(
        `insert into run_events (run_id, seq, tenant_id, type, version, at, payload)
         values ($1, 100, $2, 'call.progress', 1, now(), '{}')`,
        [runId, tenantId],
      );
      await bridge.log.append(runId, progress('b'));
      const held = await reader.tenantEvents(tenantId, { after: cursor, limit: 9 });
      expect(held).toEqual({ events: [], isBehind: true });
      await expect(reader.assertKept(tenantId, await reader.now())).resolves.toBeUndefined();
      await holder.query('commit');
      const all = await reader.tenantEvents(tenantId, { after: cursor, limit: 9 });
      expect(all.events.map(({ seq }) => seq)).toEqual([100, 3]);
    } finally {
      await holder.end();
      await stranger.end();
      await elsewhere.drop();
    }
  });

  test('without a cursor begins now', async () => {
    const tenantId = await db.addTenant();
    const runId = await open(tenantId);
    const items = iterate(live.followAll(tenantId, { signal: never }));
    const next = items.next();
    let hasOne = false;
    void next.then(() => (hasOne = true));
    // It takes the reader a moment to learn what "now" is.
    for (let step = 0; !hasOne; step += 1) await bridge.log.append(runId, progress(`${step}`));
    const { value } = await next;
    expect(runIdOf(value)).toBe(runId);
    await items.return?.();
  });

  test('is told when its cursor is not ours, or names an event that was pruned', async () => {
    const first = (after: string) =>
      take(
        (signal) => live.followAll(db.tenantId, { after, signal }),
        () => true,
      );
    await expect(first('yesterday')).rejects.toMatchObject({ code: 'request/invalid' });
    await expect(first(`5.${createId()}.3`)).rejects.toMatchObject({ code: 'run/pruned' });
  });
});
