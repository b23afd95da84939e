// A server that goes on saying that its lists changed is asked less and less often.
import { expect, test } from 'vitest';
import { ListPace } from '../../src/upstreams/list-pace.ts';

/** When it is asked in the first minute, if its lists take so long and it never rests. */
function askAllTheTime(tookMs: number): number[] {
  const pace = new ListPace();
  const asked: number[] = [];
  for (let now = 0; now < 60_000;) {
    now += pace.waitMs(now);
    asked.push(now);
    pace.note(now, now + tookMs);
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
  const pace = new ListPace();
  for (let now = 0; now < 5; now += 1) pace.note(now, now + 1);
  expect(pace.waitMs(5)).toBeGreaterThan(1_000);
  expect(pace.waitMs(60_000)).toBeLessThan(200);
});
