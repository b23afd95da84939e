// What the log does about an end that it could not write in time, before the database says what became of it.
import { expect, test } from 'vitest';
import { v7 as createId } from 'uuid';
import { completed, started } from './log-database.ts';
import { createStalledLog, typesOf } from './stalled-log.ts';

const owner = { id: createId(), tenantId: createId() };

/** A log in which a call was started, and its end was told to be unknown. */
async function oweAnEnd(options: Parameters<typeof createStalledLog>[0]) {
  const stalled = createStalledLog({ timeoutMs: 500, ...options });
  const { log, commitUntil } = stalled;
  const runId = createId();
  const calls = log.calls();
  await commitUntil(calls.append(runId, started('a'), owner));
  await expect(calls.append(runId, completed('a'), owner)).rejects.toMatchObject({
    code: 'log/outcome_unknown',
  });
  return { ...stalled, runId, calls };
}

test('an end that came to be in the log after all is not written again', async () => {
  const { log, batches, commit, runId } = await oweAnEnd({ findOpen: () => Promise.resolve([]) });
  await commit();
  await expect.poll(() => log.owes()).toBe(false);
  expect(typesOf(batches, runId)).toEqual(['call.started', 'call.completed']);
});

test('what is still on its way is settled before it is looked up', async () => {
  const steps: string[] = [];
  const { log, commit } = await oweAnEnd({
    settle: async () => void steps.push('settled'),
    findOpen: async () => {
      steps.push('looked up');
      return [];
    },
  });
  await commit();
  await expect.poll(() => log.owes()).toBe(false);
  expect(steps).toEqual(['settled', 'looked up']);
});

test('a run whose end is asked for ends after the call that is under way in it', async () => {
  const { log, batches, commitUntil } = createStalledLog();
  const runId = createId();
  const calls = log.calls();
  await commitUntil(calls.append(runId, started('a'), owner));
  await log.end(runId, 'completed');
  await commitUntil(log.flush());
  expect(typesOf(batches, runId)).toEqual(['call.started']);
  await commitUntil(calls.append(runId, completed('a'), owner));
  await commitUntil(log.flush());
  expect(typesOf(batches, runId)).toEqual(['call.started', 'call.completed', 'run.completed']);
});
