// Reports of what happens by the thousand: once a second, with the count of all.
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTally } from '../../src/edge/tally.ts';

test('the first is reported at once, and the others of each second together', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const told: [reason: string, count: number][] = [];
  const tally = createTally((...each) => told.push(each));
  onTestFinished(tally.close);
  for (let times = 0; times < 1_000; times += 1) tally.note('no key');
  tally.note('too slow');
  expect(told).toEqual([['no key', 1]]);
  vi.advanceTimersByTime(1_000);
  expect(told.splice(0)).toEqual([
    ['no key', 1],
    ['no key', 999],
    ['too slow', 1],
  ]);
  tally.note('no key');
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([['no key', 1]]);
  expect(vi.getTimerCount()).toBe(0);
});
