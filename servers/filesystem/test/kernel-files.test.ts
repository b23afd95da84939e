// What the kernel shows as files is no project's, wherever it is mounted and however it is reached.
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createPathGuard,
  isKernelFile,
  listKernelMounts,
  openFolder,
  toWalkArguments,
} from '@drawbridge/paths';
import { openWorkbench } from './harness.ts';

function looks(path: string): [string, Record<string, unknown>][] {
  return [
    ['list', { path }],
    ['tree', { path }],
    ['find', { path, pattern: '*' }],
    ['grep', { path, pattern: '.' }],
    ['info', { path: `${path}/version` }],
    ['read_text', { path: `${path}/version` }],
    ['read_media', { path: `${path}/version` }],
  ];
}

describe.each(['/proc', '/sys'])('%s', (path) => {
  it('is not searched, listed or read under a root of /', async () => {
    const { call } = await openWorkbench({ roots: () => ['/'] });
    for (const [name, args] of looks(path)) {
      const { isError, text } = await call(name, args);
      expect([name, isError, text]).toEqual([name, true, expect.stringContaining('kernel')]);
    }
  });

  it('is not reached by a link, neither under a root of / nor under another', async () => {
    for (const roots of [['/'], undefined]) {
      const { call, root } = await openWorkbench(roots === undefined ? {} : { roots: () => roots });
      await symlink(path, join(root, 'way'));
      for (const [name, args] of looks(join(root, 'way'))) {
        expect([name, (await call(name, args)).isError]).toEqual([name, true]);
      }
    }
  });

  it('is no root', async () => {
    const { call } = await openWorkbench({ roots: () => [path] });
    for (const [name, args] of looks('.')) {
      expect([name, (await call(name, args)).isError]).toEqual([name, true]);
    }
  });
});

it('is left out of a search under a root of /', async () => {
  const guard = await createPathGuard({ roots: ['/'] });
  const options = await guard.withFolder('/', async (folder) =>
    toWalkArguments(guard, folder, true),
  );
  expect(options).toEqual(expect.arrayContaining(['!/proc', '!/sys']));
  guard.close();
});

it('is known by its type, at whatever path', () => {
  expect(listKernelMounts()).toEqual(expect.arrayContaining(['/proc', '/sys']));
  const folder = openFolder('/sys', () => {});
  expect(isKernelFile(folder.path)).toBe(true);
  folder.close();
});
