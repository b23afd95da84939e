import { expect, test } from 'vitest';
import { toMedian, toPercentiles, toPool } from '../src/statistics.ts';

test('percentiles are samples that were taken, whatever their order', () => {
  const samples = Float64Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(toPercentiles(samples)).toEqual({ p50: 51, p95: 96, p99: 100 });
  expect(toPercentiles(Float64Array.of(7))).toEqual({ p50: 7, p95: 7, p99: 7 });
});

test('the median of an even number lies between the middle two', () => {
  expect(toMedian([4, 1, 3, 2])).toBe(2.5);
  expect(toMedian([9, 1, 5])).toBe(5);
});

test('a pool holds the samples of all rounds', () => {
  expect([...toPool([Float64Array.of(1, 2), Float64Array.of(3)])]).toEqual([1, 2, 3]);
});
