import { validate, version } from 'uuid';
import { expect, test } from 'vitest';
import { createIdSource } from '../src/ids.ts';

test('keys are UUIDs of version 7, none twice, and rise within a millisecond', () => {
  const createId = createIdSource(() => 1_800_000_000_000);
  const ids = Array.from({ length: 5_000 }, createId);
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test('keys rise when the clock steps back', () => {
  let time = 1_800_000_000_000;
  const createId = createIdSource(() => time);
  const first = createId();
  time -= 3_600_000;
  const second = createId();
  time += 3_600_001;
  const third = createId();
  expect([third, second, first].sort()).toEqual([first, second, third]);
});

test('two sources do not make the same keys', () => {
  const now = () => 1_800_000_000_000;
  const a = createIdSource(now);
  const b = createIdSource(now);
  expect(new Set(Array.from({ length: 1_000 }, () => [a(), b()]).flat()).size).toBe(2_000);
});
