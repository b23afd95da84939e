// The mutants of `npm run mutate` follow the code: each finds its place, and its tests are there.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from '../scripts/mutate/mutants/index.ts';

const root = resolve(import.meta.dirname, '..');

test.each(mutants)('$file: $name', ({ file, find, replace, tests }) => {
  expect(readFileSync(join(root, file), 'utf8').split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
  expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('every mutant has a name of its own', () => {
  const names = mutants.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});
