import { expect, test } from 'vitest';
import { FairQueue } from '../../src/flow/fair-queue.ts';

test('who brings large things is served no more than who brings small ones', () => {
  const queue = new FairQueue<{ owner: string; weight: number }>(8);
  const push = (owner: string, weight: number): void =>
    queue.push(owner, { owner, weight }, weight);
  for (let index = 0; index < 20; index += 1) push('large', 64);
  for (let index = 0; index < 1_000; index += 1) push('small', 1);
  const served = { large: 0, small: 0 };
  while (queue.sizeOf('small') > 0) {
    const next = queue.shift();
    if (next?.owner === 'large') served.large += next.weight;
    else served.small += next?.weight ?? 0;
    // One large thing, and one turn.
    expect(served.large - served.small).toBeLessThanOrEqual(64 + 8);
  }
  expect(served.large).toBeGreaterThan(900);
});

test('an owner whose things were taken out is forgotten, and keeps nobody waiting', () => {
  const queue = new FairQueue<string>();
  queue.push('a', 'first', 5);
  queue.push('b', 'second', 7);
  expect(queue.drop((item) => item === 'first')).toEqual(['first']);
  expect([queue.size, queue.weight, queue.owners, queue.sizeOf('a')]).toEqual([1, 7, 1, 0]);
  expect(queue.shift()).toBe('second');
  expect([queue.size, queue.weight, queue.owners]).toEqual([0, 0, 0]);
});
