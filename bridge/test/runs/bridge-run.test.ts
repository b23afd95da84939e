import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBridgeRun } from '../../src/runs/bridge-run.ts';
import type { RunLog } from '../../src/runs/run-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('is begun anew each day, so that no day is kept for its sake, and ends with the bridge', async () => {
  const told: string[] = [];
  let count = 0;
  const log: Pick<RunLog, 'open' | 'append' | 'end'> = {
    async open({ kind }) {
      count += 1;
      told.push(`open ${kind} ${count}`);
      return { id: String(count) };
    },
    async append(runId, { type }) {
      told.push(`${type} in ${runId}`);
      return 1;
    },
    async end(runId, as) {
      told.push(`${as} ${runId}`);
    },
  };
  const run = await createBridgeRun({
    log,
    run: { tenantId: 't', createdBy: 't', project: 'default', title: 'Drawbridge' },
    logger: pino({ level: 'silent' }),
  });
  const event = { type: 'auth.failed', payload: { reason: 'auth/invalid', count: 1 } } as const;
  await run.append(event);
  await vi.advanceTimersByTimeAsync(86_400_000);
  await run.append(event);
  await run.close();
  await vi.advanceTimersByTimeAsync(86_400_000);
  expect(told).toEqual([
    'open bridge 1',
    'auth.failed in 1',
    'open bridge 2',
    'completed 1',
    'auth.failed in 2',
    'completed 2',
  ]);
});
