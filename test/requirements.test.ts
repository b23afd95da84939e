// What the specifications and our own documents ask, as data: each requirement is cited by a test that
// holds it, with a line `// Holds: id` above the test.
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { legacyRequirements } from './requirements/legacy.ts';
import { modernRequirements } from './requirements/modern.ts';
import { promisesRequirements } from './requirements/promises.ts';

const root = resolve(import.meta.dirname, '..');
const requirements = [...legacyRequirements, ...modernRequirements, ...promisesRequirements];
const ids = requirements.map(({ id }) => id);

/** The ids that the tests of a folder cite, each directly above a test. */
function citedIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
    .flatMap((path) => {
      const text = readFileSync(join(root, folder, path), 'utf8');
      return [...text.matchAll(/((?: *\/\/ Holds: .+\n)+) *(?:test|it)\b/g)].flatMap(
        ([, lines = '']) =>
          [...lines.matchAll(/Holds: (.+)/g)].flatMap(([, cited = '']) => cited.split(', ')),
      );
    });
}

const cited = ['bridge/test', 'servers'].flatMap(citedIn);

test('every requirement is cited by a test', () => {
  expect(ids.filter((id) => !cited.includes(id))).toEqual([]);
});

test('every citation is of a requirement, and no requirement is listed twice', () => {
  expect(cited.filter((id) => !ids.includes(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});
