// Principals take turns at the log: a stalled commit lets a backlog grow, and what the next commits hold
// tells whose turn it was.
import { expect, test } from 'vitest';
import { pino } from 'pino';
import { v7 as createId } from 'uuid';
import { createRedact } from '../../src/secrets/redaction.ts';
import { createRunLog } from '../../src/runs/writer.ts';
import type { RunBatch } from '../../src/store/run-batch.ts';
import type { RunLogStore } from '../../src/store/run-log.ts';
import { completed, progress, started } from './log-database.ts';

/** A store whose commits take place when the test says so. */
function createStalledStore() {
  const batches: (readonly RunBatch[])[] = [];
  const commits: (() => void)[] = [];
  const lastSeqs = new Map<string, number>();
  const store: RunLogStore = {
    write(batch) {
      batches.push(batch);
      return new Promise((resolve) => {
        commits.push(() =>
          resolve(
            batch.map(({ runId, events }) => {
              const base = lastSeqs.get(runId) ?? 0;
              lastSeqs.set(runId, base + events.length);
              return { base, written: events.length };
            }),
          ),
        );
      });
    },
    isReady: () => true,
    settle: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const commit = async (): Promise<void> => {
    await expect.poll(() => commits.length).toBeGreaterThan(0);
    commits.shift()?.();
  };
  const log = createRunLog({
    store,
    findOpen: () => Promise.resolve([]),
    bridgeId: createId(),
    redact: createRedact(),
    logger: pino({ level: 'silent' }),
    timeoutMs: 60_000,
  });
  return { log, batches, commit };
}

const tenantId = createId();
const flooder = { id: createId(), tenantId };
const quiet = { id: createId(), tenantId };
const runsOf = (batch: readonly RunBatch[] | undefined): string[] =>
  (batch ?? []).map(({ runId }) => runId);

// Holds: fair/log
test('one event is committed next, however many of another principal wait, in one run or in many', async () => {
  const { log, batches, commit } = createStalledStore();
  const crowded = createId();
  const pending = [log.append(crowded, progress('first'), flooder)];
  await expect.poll(() => batches.length).toBe(1);
  for (let index = 0; index < 5_000; index += 1) {
    const runId = index % 2 === 0 ? crowded : createId();
    pending.push(log.append(runId, progress(`${index}`), flooder));
  }
  const mine = createId();
  pending.push(
    log.append(mine, started('mine'), quiet),
    log.append(mine, completed('mine'), quiet),
  );
  await commit();
  await expect.poll(() => batches.length).toBe(2);
  expect(runsOf(batches[1])).toContain(mine);
  const all = Promise.all(pending);
  let isDone = false;
  void all.then(() => (isDone = true));
  while (!isDone) {
    await commit().catch(() => undefined);
    await new Promise(setImmediate);
    if (batches.flat().reduce((sum, { events }) => sum + events.length, 0) === pending.length) {
      await commit();
      break;
    }
  }
  await all;
  const crowd = batches.flat().filter(({ runId }) => runId === crowded);
  const ids = crowd.flatMap(({ events }) =>
    events.map(({ payload }) => JSON.parse(payload).callId as string),
  );
  expect(ids).toEqual(['first', ...Array.from({ length: 2_500 }, (_, index) => `${index * 2}`)]);
});

test('large events of one principal fill no commit while others wait', async () => {
  const { log, batches, commit } = createStalledStore();
  const large = createId();
  const body = { content: [{ type: 'text', text: 'x'.repeat(100_000) }] };
  const pending = [log.append(large, progress('first'), flooder)];
  await expect.poll(() => batches.length).toBe(1);
  for (let index = 0; index < 100; index += 1) {
    pending.push(log.append(large, completed(`${index}`, { index, ...body }), flooder));
  }
  const small = Array.from({ length: 50 }, () => createId());
  for (const runId of small) pending.push(log.append(runId, progress(runId), quiet));
  await commit();
  await expect.poll(() => batches.length).toBe(2);
  expect(runsOf(batches[1])).toEqual(expect.arrayContaining(small));
  const bytes = (batches[1] ?? [])
    .flatMap(({ events }) => events)
    .flatMap(({ artifacts }) => artifacts)
    .reduce((sum, artifact) => sum + artifact.body.length, 0);
  expect(bytes).toBeLessThan(3 * 1024 * 1024);
  for (const promise of pending) promise.catch(() => undefined);
});

test('a principal whose backlog is too large is refused, what it began is ended, and others go on', async () => {
  const { log, batches, commit } = createStalledStore();
  const runId = createId();
  const pending = [log.append(runId, progress('first'), flooder)];
  await expect.poll(() => batches.length).toBe(1);
  for (let index = 1; index < 20_000; index += 1) {
    pending.push(log.append(runId, progress(`${index}`), flooder));
  }
  await expect(log.append(runId, started('one more'), flooder)).rejects.toMatchObject({
    code: 'log/unavailable',
    message: expect.stringContaining('Too many events'),
  });
  pending.push(log.append(runId, completed('0'), flooder));
  const mine = createId();
  const own = log.append(mine, started('mine'), quiet);
  await commit();
  await expect.poll(() => batches.length).toBe(2);
  await commit();
  expect(await own).toBe(1);
  for (const promise of pending) promise.catch(() => undefined);
});
