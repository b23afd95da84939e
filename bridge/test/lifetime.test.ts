import { expect, onTestFinished, test, vi } from 'vitest';
import { createLifetime } from '../src/lifetime.ts';

function never() {
  return new Promise<void>(() => undefined);
}

test('closes in reverse order, and the others although one fails', async () => {
  const lifetime = createLifetime();
  const closed: string[] = [];
  lifetime.defer(() => void closed.push('first'));
  lifetime.defer(() => Promise.reject(new Error('no')));
  lifetime.defer(() => void closed.push('last'));
  await expect(lifetime.close()).rejects.toThrow(AggregateError);
  expect(closed).toEqual(['last', 'first']);
});

test('waits for what hangs only as long as it may, and keeps the time that others need', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const lifetime = createLifetime();
  const left: number[] = [];
  lifetime.defer((leftMs) => void left.push(leftMs), 2_000);
  lifetime.defer((leftMs) => void left.push(leftMs));
  lifetime.defer(never);
  const closing = Promise.allSettled([lifetime.close(2_200)]);
  await vi.advanceTimersByTimeAsync(200);
  expect(await closing).toMatchObject([{ reason: expect.any(AggregateError) }]);
  expect(left).toEqual([0, 2_000]);
});
