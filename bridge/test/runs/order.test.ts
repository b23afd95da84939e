// The events of a run keep their order though a large body takes its own way to the store.
import { expect, test } from 'vitest';
import { v7 as createId } from 'uuid';
import type { LogEvent } from '../../src/runs/event-text.ts';
import type { RunLogBodies } from '../../src/store/run-log-bodies.ts';
import { completed, progress, started } from './log-database.ts';
import { createStalledLog, typesOf } from './stalled-log.ts';

const owner = { id: createId(), tenantId: createId() };

/** A place for large bodies that takes one when the test says so. */
function createSlowBodies() {
  const puts: { take: () => void; refuse: (error: Error) => void }[] = [];
  const bodies: RunLogBodies = {
    put: () => new Promise((take, refuse) => puts.push({ take, refuse })),
    close: () => Promise.resolve(),
  };
  return { bodies, puts };
}

function startedWithMuch(callId: string): LogEvent {
  const { payload } = started(callId);
  // The same event with other arguments.
  return {
    type: 'call.started',
    payload: { ...payload, arguments: { text: 'x'.repeat(300_000) } },
  } as LogEvent;
}

test('what follows a large body in its run comes after it, and other runs do not wait', async () => {
  const { bodies, puts } = createSlowBodies();
  const { log, batches, commitUntil } = createStalledLog({ bodies });
  const [runId, other] = [createId(), createId()];
  const seqs = Promise.all(
    [startedWithMuch('a'), progress('a', 1), progress('a', 2), completed('a')].map((event) =>
      log.append(runId, event, owner),
    ),
  );
  expect(await commitUntil(log.append(other, progress('b'), owner))).toBe(1);
  expect(typesOf(batches, runId)).toEqual([]);
  puts[0]?.take();
  expect(await commitUntil(seqs)).toEqual([1, 2, 3, 4]);
  expect(typesOf(batches, runId)).toEqual([
    'call.started',
    'call.progress',
    'call.progress',
    'call.completed',
  ]);
  const events = batches.flat().flatMap((batch) => (batch.runId === runId ? batch.events : []));
  expect(events.slice(1, 3).map(({ payload }) => JSON.parse(payload).progress)).toEqual([1, 2]);
});

test('a large body that the store does not take fails alone', async () => {
  const { bodies, puts } = createSlowBodies();
  const { log, batches, commitUntil } = createStalledLog({ bodies });
  const runId = createId();
  const large = log.append(runId, startedWithMuch('a'), owner);
  const behind = log.append(runId, progress('b'), owner);
  puts[0]?.refuse(new Error('no room'));
  await expect(large).rejects.toThrow('no room');
  expect(await commitUntil(behind)).toBe(1);
  expect(await commitUntil(log.append(runId, progress('c'), owner))).toBe(2);
  expect(typesOf(batches, runId)).toEqual(['call.progress', 'call.progress']);
});
