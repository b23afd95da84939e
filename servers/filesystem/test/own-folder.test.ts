// Drawbridge's own state is out of reach, even where a root contains it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './harness.ts';

import { SECRET, answeredAt } from './secret.ts';

describe("Drawbridge's own folder", () => {
  const openWithHome = async (): Promise<Workbench> => {
    const bench = await openWorkbench({ home: (base) => join(base, 'root/state') });
    await mkdir(join(bench.root, 'state/deep'), { recursive: true });
    await writeFile(join(bench.root, 'state/token'), SECRET);
    await mkdir(join(bench.root, '.drawbridge'));
    await writeFile(join(bench.root, '.drawbridge/token'), SECRET);
    return bench;
  };

  it('is refused inside a root, by every tool', async () => {
    const bench = await openWithHome();
    expect(await answeredAt(bench, 'state/token')).toEqual([]);
    expect(await answeredAt(bench, '.drawbridge/token')).toEqual([]);
    expect(await answeredAt(bench, 'in/../state/deep/../token')).toEqual([]);
    expect(await bench.call('list', { path: 'state' })).toMatchObject({ isError: true });
  });

  it('is refused through links', async () => {
    const bench = await openWithHome();
    await symlink('state', join(bench.root, 'innocent'));
    await symlink('state/token', join(bench.root, 'innocent.txt'));
    expect(await answeredAt(bench, 'innocent/token')).toEqual([]);
    expect(await bench.call('read_text', { path: 'innocent.txt' })).toMatchObject({
      isError: true,
    });
    expect(await bench.call('write', { path: 'innocent.txt', content: 'x' })).toMatchObject({
      isError: true,
    });
  });

  it('shows in no list, no tree, no search and no copy', async () => {
    const { call, client, root } = await openWithHome();
    await writeFile(join(root, 'a.txt'), 'a');
    for (const [name, args] of [
      ['list', {}],
      ['tree', { exclude: [] }],
      ['find', { pattern: '*', ignored: true }],
      ['grep', { pattern: '.', ignored: true }],
      ['grep', { pattern: '.', ignored: true, glob: '{a.txt,state/**,**/token,.drawbridge/**}' }],
    ] as const) {
      const { text } = await call(name, args);
      expect(text).toContain('a.txt');
      expect(text).not.toMatch(/token|secret|state|\.drawbridge/);
    }
    const { resources } = await client.listResources();
    expect(resources.map(({ name }) => name)).toEqual(['a.txt']);
  });

  it('is not moved or deleted with the folder it lies in', async () => {
    const bench = await openWorkbench({ home: (base) => join(base, 'root/app/state') });
    await mkdir(join(bench.root, 'app/state'), { recursive: true });
    expect(await bench.call('delete', { path: 'app' })).toMatchObject({ isError: true });
    expect(await bench.call('delete', { path: 'app', permanent: true })).toMatchObject({
      isError: true,
    });
    expect(await bench.call('move', { from: 'app', to: 'other' })).toMatchObject({ isError: true });
    expect(existsSync(join(bench.root, 'app/state'))).toBe(true);
    await bench.call('copy', { from: 'app', to: 'copy' });
    expect(await readdir(join(bench.root, 'copy'))).toEqual([]);
  });

  it('is refused when the root itself lies in it', async () => {
    const bench = await openWorkbench({ home: (base) => base });
    await writeFile(join(bench.root, 'a.txt'), SECRET);
    expect(await answeredAt(bench, 'a.txt')).toEqual([]);
  });
});
