import { expect, test } from 'vitest';
import { createHeldBytes } from '../../src/flow/held-bytes.ts';

test('is full at its limit, and has room when what was held is given back, once', () => {
  const held = createHeldBytes(100);
  const giveBack = held.hold(60);
  expect(held.isFull).toBe(false);
  const giveBackMore = held.hold(60);
  expect(held.isFull).toBe(true);
  giveBack();
  giveBack();
  expect(held.isFull).toBe(false);
  held.hold(40);
  expect(held.isFull).toBe(true);
  giveBackMore();
  expect(held.isFull).toBe(false);
});

test('calls once who waits for room, when there is some', () => {
  const held = createHeldBytes(100);
  const giveBacks = [held.hold(100), held.hold(50)];
  let heard = 0;
  held.onRoom(() => (heard += 1));
  giveBacks[1]?.();
  expect(heard).toBe(0);
  giveBacks[0]?.();
  held.hold(10)();
  expect(heard).toBe(1);
});
