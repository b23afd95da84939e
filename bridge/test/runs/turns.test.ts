// Principals take turns at the log: a stalled commit lets a backlog grow, and what the next commits hold
// tells whose turn it was.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { v7 as createId } from 'uuid';
import { JsonText, type LogEvent, PreparedBody } from '../../src/runs/event-text.ts';
import { createHeldBytes } from '../../src/flow/held-bytes.ts';
import type { RunBatch } from '../../src/store/run-batch.ts';
import { completed, progress, started } from './log-database.ts';
import { createStalledLog } from './stalled-log.ts';

const tenantId = createId();
const flooder = { id: createId(), tenantId };
const quiet = { id: createId(), tenantId };
function runsOf(batch: readonly RunBatch[] | undefined): string[] {
  return (batch ?? []).map(({ runId }) => runId);
}

// Holds: fair/log
test('one event is committed next, however many of another principal wait, in one run or in many', async () => {
  const { log, batches, commit, commitUntil } = createStalledLog();
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
  await commitUntil(Promise.all(pending));
  const crowd = batches.flat().filter(({ runId }) => runId === crowded);
  const ids = crowd.flatMap(({ events }) =>
    events.map(({ payload }) => JSON.parse(payload).callId as string),
  );
  expect(ids).toEqual(['first', ...Array.from({ length: 2_500 }, (_, index) => `${index * 2}`)]);
});

test('large events of one principal fill no commit while others wait', async () => {
  const { log, batches, commit } = createStalledLog();
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
  const { log, batches, commit, commitUntil } = createStalledLog();
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
  await commitUntil(Promise.all(pending));
  expect(await commitUntil(log.append(runId, started('again'), flooder))).toBe(20_002);
});

test('the bytes of large events are given back when they are written', async () => {
  const held = createHeldBytes(1);
  const artifact = {
    sha256: Buffer.alloc(32),
    mediaType: 'application/json',
    body: Buffer.from('{}'),
  };
  const body = new PreparedBody({ size: 2, artifact, preview: '' });
  const { log, commitUntil } = createStalledLog({ held, prepare: () => Promise.resolve(body) });
  const runId = createId();
  // Each is a third of what one principal may have waiting, and all of them are more than everybody may.
  const text = new JsonText(`"${'x'.repeat(22 * 1024 * 1024)}"`);
  for (let index = 1; index < 12; index += 1) {
    const { payload } = started(`${index}`);
    // The same event with other arguments.
    const event = { type: 'call.started', payload: { ...payload, arguments: text } } as LogEvent;
    const appended = log.append(runId, event, flooder);
    expect(held.isFull).toBe(true);
    expect(await commitUntil(appended)).toBe(index);
    expect(held.isFull).toBe(false);
  }
});

describe('a commit that takes too long', () => {
  const late = async () => {
    const stalled = createStalledLog({ timeoutMs: 500 });
    const { log, batches } = stalled;
    const append = (callId: string) =>
      Promise.allSettled([log.append(createId(), progress(callId), flooder)]);
    const committing = append('committing');
    await expect.poll(() => batches.length).toBe(1);
    const told = await Promise.all([committing, append('behind')]);
    return { ...stalled, told: told.flat() };
  };

  test('is told to who waits for it, and to who waits behind it', async () => {
    const { told } = await late();
    expect(told).toMatchObject([
      { reason: { code: 'log/outcome_unknown' } },
      { reason: { code: 'log/unavailable' } },
    ]);
  });

  test('is one by the time that passes, whatever the clock says', async () => {
    const { log, batches, commit } = createStalledLog();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    const appended = log.append(createId(), progress('a'), flooder);
    await expect.poll(() => batches.length).toBe(1);
    await commit();
    expect(await appended).toBe(1);
  });

  test('keeps nobody from writing when it is over', async () => {
    const { log, batches, commit } = await late();
    await commit();
    const next = log.append(createId(), progress('next'), quiet);
    await commit();
    expect(await next).toBe(1);
    expect(batches).toHaveLength(2);
  });

  test('is counted once in what its principal has waiting', async () => {
    const { log, commit, commitUntil } = await late();
    await commit();
    await log.flush();
    const runId = createId();
    const more = Promise.allSettled(
      Array.from({ length: 20_000 }, () => log.append(runId, progress('more'), flooder)),
    );
    expect(log.isFull(flooder.id)).toBe(true);
    await commitUntil(more);
  });
});
