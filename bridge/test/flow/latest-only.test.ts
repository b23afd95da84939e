import { expect, test } from 'vitest';
import { createLatestOnly } from '../../src/flow/latest-only.ts';

function slow() {
  const done: number[] = [];
  const releases: (() => void)[] = [];
  const take = createLatestOnly<number>(async (item) => {
    await new Promise<void>((resolve) => releases.push(resolve));
    if (item < 0) throw new Error(`not ${item}`);
    done.push(item);
  });
  const release = async (): Promise<void> => {
    for (let turn = 0; releases.length === 0 && turn < 100; turn += 1) await Promise.resolve();
    releases.shift()?.();
  };
  return { take, done, release };
}

test('of all that comes during one piece of work only the latest is worked on', async () => {
  const { take, done, release } = slow();
  const first = take(1);
  await Promise.resolve();
  const others = [2, 3, 4, 5].map(take);
  await release();
  await first;
  expect(done).toEqual([1]);
  await release();
  await Promise.all(others);
  expect(done).toEqual([1, 5]);
});

test('a failure is told to whoever asked, and the next work goes on', async () => {
  const { take, done, release } = slow();
  const failing = take(-1);
  await Promise.resolve();
  const next = take(2);
  await release();
  await expect(failing).rejects.toThrow('not -1');
  await release();
  await next;
  expect(done).toEqual([2]);
});
