// The list of faults that tests should notice fits the code: what changes there takes its mutants along.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { logMutants } from '../scripts/mutate/mutants/log.ts';

const root = resolve(import.meta.dirname, '..');

test('each mutant has a name of its own, a place that occurs once, and tests that are there', () => {
  const names = new Set<string>();
  const faulty = logMutants.flatMap(({ name, file, find, replace, tests }) => {
    const places = readFileSync(join(root, file), 'utf8').split(find).length - 1;
    const missing = tests.filter((path) => !existsSync(join(root, path)));
    const isNew = !names.has(name) && names.add(name).size > 0;
    const isFine = places === 1 && find !== replace && isNew && tests.length > 0;
    return isFine && missing.length === 0 ? [] : [{ name, places, isNew, missing }];
  });
  expect(faulty).toEqual([]);
});
