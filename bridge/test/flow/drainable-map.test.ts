import { expect, test } from 'vitest';
import { DrainableMap } from '../../src/flow/drainable-map.ts';

test('is waited for until it is empty, or for as long as was said', async () => {
  const map = new DrainableMap<string, number>();
  await map.untilEmpty(60_000);
  map.set('first', 1);
  map.set('second', 2);
  await map.untilEmpty(1);
  expect(map.size).toBe(2);
  const empty = map.untilEmpty(60_000);
  map.delete('first');
  map.delete('second');
  await empty;
  expect(map.keys()).toEqual([]);
});
