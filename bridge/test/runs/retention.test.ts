import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Removal, createRetention } from '../../src/runs/retention.ts';
import { ensurePartitions } from '../../src/store/partitions.ts';
import {
  type LogDatabase,
  completed,
  createLogDatabase,
  logger,
  newRun,
  progress,
} from './log-database.ts';

const DAY = 86_400_000;
let db: LogDatabase;
let time: number;

beforeEach(async () => {
  db = await createLogDatabase();
  time = Date.UTC(2030, 0, 1, 12);
  const owner = new Client({ connectionString: db.url });
  await owner.connect();
  for (let week = 0; week < 6; week += 1) {
    await ensurePartitions(owner, new Date(time + week * 7 * DAY));
  }
  await owner.end();
});
afterEach(() => db.close());

function retention(limits: { days: number; maxBytes?: number }) {
  return createRetention({
    upkeep: db.upkeep,
    dropEventsBefore: db.store.dropEventsBefore,
    limits: () => limits,
    logger,
    now: () => time,
  });
}

/** A run of one call, begun at `time`; its body is an artifact. */
async function addRun({ isEnded = true, text = 'x' } = {}): Promise<string> {
  const { log } = await db.addBridge({ now: () => time });
  const { id } = await log.open(newRun(db.tenantId));
  await log.append(id, completed('a', { text: text.repeat(10_000) }));
  if (isEnded) await log.end(id, 'completed');
  return id;
}

function daysOf({ days }: Removal) {
  return days.map(({ day }) => day.toISOString().slice(0, 10));
}
async function has(id: string) {
  return (await db.queries.run(db.tenantId, id)) !== undefined;
}
async function countEvents(id: string) {
  return (await db.events(id)).length;
}
async function countArtifacts() {
  return (await db.store.db.execute(sql`select from artifacts`)).rows.length;
}

test('runs that ended before the days to keep go, with their events and bodies', async () => {
  const old = await addRun({ text: 'old' });
  time += 20 * DAY;
  const young = await addRun({ text: 'young' });
  time += 11 * DAY;
  expect(daysOf(await retention({ days: 30 }).run())).toContain('2030-01-01');
  expect([await has(old), await has(young)]).toEqual([false, true]);
  expect([await countEvents(old), await countEvents(young)]).toEqual([0, 3]);
  expect(await countArtifacts()).toBe(2);
  // A body may have been used by an event up to a day after its mark.
  time += DAY;
  await retention({ days: 30 }).run();
  expect(await countArtifacts()).toBe(1);
});

test('an old run that is open, or was active lately, stays whole', async () => {
  const session = await addRun({ isEnded: false });
  time += 31 * DAY;
  const keeper = retention({ days: 30 });
  expect(daysOf(await keeper.run())).not.toContain('2030-01-01');
  const { log } = await db.addBridge({ now: () => time });
  await log.append(session, progress('b'));
  await log.end(session, 'completed');
  time += 20 * DAY;
  await keeper.run();
  expect(await countEvents(session)).toBe(4);
  time += 11 * DAY;
  await keeper.run();
  expect(await has(session)).toBe(false);
});

test('above the cap the oldest days of ended runs go, today stays', async () => {
  const first = await addRun();
  time += DAY;
  const second = await addRun();
  time += DAY;
  const third = await addRun();
  const days = await db.upkeep.eventDays();
  const total = days.reduce((sum, { bytes }) => sum + bytes, 0);
  await retention({ days: 30, maxBytes: total }).run();
  expect(await has(first)).toBe(true);
  await retention({ days: 30, maxBytes: total - 1_000_000 }).run();
  expect([await has(first), await has(second)]).toEqual([false, false]);
  await retention({ days: 30, maxBytes: 1 }).run();
  expect([await has(third), await countEvents(third)]).toEqual([true, 3]);
});

test('what would go is told beforehand, and is what goes', async () => {
  const old = await addRun({ text: 'o' });
  time += 5 * DAY;
  const young = await addRun();
  const keeper = retention({ days: 30 });
  expect(await keeper.plan()).toMatchObject({ runs: 0 });
  const planned = await keeper.plan({ days: 3 });
  expect(daysOf(planned).at(-1)).toBe('2030-01-02');
  expect(planned).toMatchObject({ before: new Date('2030-01-03'), runs: 1 });
  const events = planned.days.reduce((sum, { bytes }) => sum + bytes, 0);
  const { rows } = await db.store.db.execute<{ size: number }>(
    sql`select max(size)::int as size from artifacts`,
  );
  expect(planned.bytes).toBe(events + (rows[0]?.size ?? 0));
  expect([await has(old), await countEvents(old)]).toEqual([true, 3]);
  expect(await keeper.run({ days: 3 })).toEqual(planned);
  expect([await has(old), await has(young)]).toEqual([false, true]);
});

test('a removal that failed keeps none after it from its turn', async () => {
  await addRun();
  time += 9 * DAY;
  let isAway = true;
  const keeper = createRetention({
    upkeep: db.upkeep,
    dropEventsBefore: (date) =>
      isAway ? Promise.reject(new Error('away')) : db.store.dropEventsBefore(date),
    limits: () => ({ days: 3 }),
    logger,
    now: () => time,
  });
  const failed = keeper.run();
  const next = keeper.run();
  await expect(failed).rejects.toThrow('away');
  isAway = false;
  expect(await next).toMatchObject({ runs: 1 });
});
