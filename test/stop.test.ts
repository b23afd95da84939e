// The short form of `npm run stop-test`: two stops under load.
import { expect, test } from 'vitest';
import { runStopTest } from '../scripts/stop-test.ts';

test('every call is answered or told in words when the bridge is stopped under load', async () => {
  const result = await runStopTest({ stops: 2, callers: 8, seconds: 1 });
  expect(result.otherwise).toEqual([]);
  expect(result.issues).toEqual([]);
  expect(result.answered).toBeGreaterThan(10);
  expect(result.inWords).toBeGreaterThan(8);
}, 180_000);
