// A server that goes on saying that its lists changed is asked less and less often.
import { expect, test } from 'vitest';
import { ListBackoff } from '../../src/upstreams/list-backoff.ts';

/** When it is asked in the first minute, if its lists take so long and it never rests. */
function askAllTheTime(tookMs: number): number[] {
  const backoff = new ListBackoff();
  const asked: number[] = [];
  for (let now = 0; now < 60_000;) {
    now += backoff.waitMs(now);
    asked.push(now);
    backoff.note(now, now + tookMs);
    now += tookMs;
  }
  return asked;
}

test('small lists are asked for soon, and then with growing gaps', () => {
  expect(askAllTheTime(10)).toHaveLength(8);
});

test('lists that take long take no more than a part of the time, also from the start', () => {
  expect(askAllTheTime(3_000).length).toBeLessThanOrEqual(5);
});

test('a quiet time is forgiven', () => {
  const backoff = new ListBackoff();
  for (let now = 0; now < 5; now += 1) backoff.note(now, now + 1);
  expect(backoff.waitMs(5)).toBeGreaterThan(1_000);
  expect(backoff.waitMs(60_000)).toBeLessThan(200);
});
