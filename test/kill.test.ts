// The short form of `npm run kill-test`: two kills under load.
import { expect, test } from 'vitest';
import { runKillTest } from '../scripts/kill-test.ts';

test('nothing that was answered, and nothing that was done, is missing after kill -9', async () => {
  const result = await runKillTest({ rounds: 2, callers: 16, seconds: 2 });
  expect(result.faults).toEqual([]);
  expect(result.answered).toBeGreaterThan(10);
  expect(result.reachedWitness).toBeGreaterThan(5);
}, 120_000);
