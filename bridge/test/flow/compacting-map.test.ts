import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { CompactingMap } from '../../src/flow/compacting-map.ts';

test('holds what was set and not deleted, however much has passed', () => {
  const map = new CompactingMap<number, string>();
  for (let id = 0; id < 10_000; id += 1) {
    map.set(id, `call ${id}`);
    if (id % 100 !== 0) map.delete(id);
  }
  expect(map.size).toBe(100);
  expect(map.keys()).toEqual(Array.from({ length: 100 }, (_, n) => n * 100));
  expect(map.values()[1]).toBe('call 100');
  expect([map.get(9_900), map.get(9_901)]).toEqual(['call 9900', undefined]);
  map.delete(4);
  expect(map.size).toBe(100);
});

test('what has passed is not kept once the map has grown old', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void; // what the flag adds
  const map = new CompactingMap<number, object>();
  const pass = (count: number): void => {
    for (let id = 0; id < count; id += 1) {
      map.set(
        id,
        Array.from({ length: 200 }, () => id),
      );
      if (id >= 32) map.delete(id - 32);
    }
  };
  pass(5_000);
  collect();
  const before = oldBytes();
  // 160 MB; a Map would keep nearly all of it until the next full collection.
  pass(100_000);
  expect(oldBytes() - before).toBeLessThan(4e6);
});

function oldBytes(): number {
  return (
    getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ??
    Number.NaN
  );
}
