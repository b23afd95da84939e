// Nothing outside the roots is read, written or told, whatever the path looks like.
import { existsSync, symlinkSync } from 'node:fs';
import { link, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWorkbench, makePipe } from './harness.ts';

import { SECRET, answeredAt, callsAt, expectUntouched, openBesideSecret } from './secret.ts';

describe('a path', () => {
  it('of a sibling whose name begins like the root is refused (CVE-2025-53110)', async () => {
    const bench = await openBesideSecret();
    const sibling = `${bench.root}-secret`;
    await mkdir(sibling);
    await writeFile(join(sibling, 'secret.txt'), SECRET);
    expect(await answeredAt(bench, join(sibling, 'secret.txt'))).toEqual([]);
    expect(await readdir(sibling)).toEqual(['secret.txt']);
  });

  it.each([
    '../outside/secret.txt',
    'in/../../outside/secret.txt',
    'in/./../..//outside/secret.txt',
  ])('that climbs out of the root is refused: %s', async (path) => {
    const bench = await openBesideSecret();
    expect(await answeredAt(bench, path)).toEqual([]);
    await expectUntouched(bench.outside);
  });

  it('that climbs and comes back is what it names', async () => {
    const { call, root } = await openBesideSecret();
    const { output } = await call('read_text', { path: `../${basename(root)}/in/a.txt` });
    expect(output).toMatchObject({ path: 'in/a.txt', content: 'inside' });
  });

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['in/a.txt\0.png', 'NUL'],
    ['~/.ssh/id_rsa', 'not expanded'],
    ['~root/x', 'not expanded'],
    ['file:///etc/passwd', 'not a URI'],
    ['a'.repeat(5_000), 'longer than'],
    ['b'.repeat(300), 'too long'],
  ])('that is no plain path is refused in words: %j', async (path, words) => {
    const { call } = await openBesideSecret();
    const answer = await call('read_text', { path });
    expect(answer.isError).toBe(true);
    expect(answer.text).toContain(words);
  });

  it('is taken letter for letter: case, dots and spaces at the end are other names', async () => {
    const { call, root } = await openBesideSecret();
    for (const path of ['IN/a.txt', 'in/A.TXT', 'in/a.txt.', 'in/a.txt ', root.toUpperCase()]) {
      expect(await call('info', { path })).toMatchObject({ isError: true });
    }
    await call('write', { path: 'in/a.txt.', content: 'other' });
    expect(await readFile(join(root, 'in/a.txt'), 'utf8')).toBe('inside');
  });

  it('gets the same answer outside whether or not something is there', async () => {
    const { call, outside } = await openBesideSecret();
    const there = await call('info', { path: join(outside, 'secret.txt') });
    const gone = await call('info', { path: join(outside, 'nothing.txt') });
    expect(gone.text).toBe(there.text.replace('secret.txt', 'nothing.txt'));
  });
});

describe('a symbolic link', () => {
  it('that leads out of the root is not followed, be it at the end or on the way', async () => {
    const bench = await openBesideSecret();
    const { root, outside, call } = bench;
    await symlink(outside, join(root, 'way'));
    await symlink(join(outside, 'secret.txt'), join(root, 'end'));
    await symlink('../outside', join(root, 'relative'));
    await symlink(join(root, 'way'), join(root, 'twice'));
    for (const path of ['way/secret.txt', 'relative/secret.txt', 'twice/secret.txt']) {
      expect(await answeredAt(bench, path)).toEqual([]);
    }
    for (const [name, args] of callsAt('end')) {
      if (['move', 'copy', 'delete', 'info'].includes(name)) continue; // these take the link itself
      expect(await call(name, args)).toMatchObject({ isError: true });
    }
    expect((await call('grep', { pattern: 'secret' })).text).toBe('[nothing found]');
    expect((await call('find', { pattern: 'secret*' })).text).toBe('[nothing found]');
    expect((await call('tree')).text).not.toContain('secret');
    await expectUntouched(outside);
  });

  it('is moved, copied and deleted as a link, and what it leads to stays', async () => {
    const { call, root, outside } = await openBesideSecret();
    await symlink(outside, join(root, 'link'));
    await call('copy', { from: 'link', to: 'copied' });
    await call('move', { from: 'copied', to: 'moved' });
    expect((await lstat(join(root, 'moved'))).isSymbolicLink()).toBe(true);
    expect(await call('read_text', { path: 'moved/secret.txt' })).toMatchObject({ isError: true });
    await call('delete', { path: 'moved', permanent: true });
    await call('delete', { path: 'link' });
    expect(await readdir(root)).not.toContain('link');
    await expectUntouched(outside);
  });

  it('inside a folder that is removed or copied is not followed either', async () => {
    const { call, root, outside } = await openBesideSecret();
    await symlink(outside, join(root, 'in/way'));
    expect((await call('copy', { from: 'in', to: 'copy' })).isError).toBe(false);
    expect((await lstat(join(root, 'copy/way'))).isSymbolicLink()).toBe(true);
    expect((await call('delete', { path: 'in', permanent: true })).output).toMatchObject({
      removed: 3,
    });
    await expectUntouched(outside);
  });

  it('that leads to nothing is not written through', async () => {
    const { call, root, outside } = await openBesideSecret();
    await symlink(join(outside, 'new.txt'), join(root, 'dangling'));
    const answer = await call('write', { path: 'dangling', content: 'x' });
    expect(answer.text).toContain('link to something that does not exist');
    expect(await call('copy', { from: 'in/a.txt', to: 'dangling' })).toMatchObject({
      isError: true,
    });
    expect(await call('create_directory', { path: 'dangling/x' })).toMatchObject({ isError: true });
    await expectUntouched(outside);
  });

  it('that leads to another place in the roots is followed', async () => {
    const { call, root } = await openBesideSecret();
    await symlink('in', join(root, 'also'));
    await symlink('in/a.txt', join(root, 'alias'));
    expect((await call('read_text', { path: 'also/a.txt' })).output).toMatchObject({
      content: 'inside',
    });
    expect((await call('write', { path: 'alias', content: 'new' })).output).toMatchObject({
      path: 'in/a.txt',
    });
    expect(await readFile(join(root, 'in/a.txt'), 'utf8')).toBe('new');
    expect((await lstat(join(root, 'alias'))).isSymbolicLink()).toBe(true);
  });

  it('that leads to itself ends in an error', async () => {
    const { call, root } = await openBesideSecret();
    await symlink('loop', join(root, 'loop'));
    expect(await call('read_text', { path: 'loop/x' })).toMatchObject({ isError: true });
    expect(await call('list', { path: 'loop' })).toMatchObject({ isError: true });
  });
});

describe('roots', () => {
  it.each([
    ['no root', () => []],
    ['an empty one', () => ['']],
    ['one that does not exist', (base: string) => [join(base, 'missing')]],
  ])(
    'allow nothing when there is %s, and the error says how to give one',
    async (_which, roots) => {
      const bench = await openWorkbench({ roots });
      for (const [name, args] of callsAt(bench.base)) {
        const answer = await bench.call(name, args);
        expect(answer.isError).toBe(true);
        expect(answer.text).toContain('--root /path/to/folder');
      }
      expect((await bench.call('roots')).output).toEqual({ roots: [] });
      expect((await bench.client.listResources()).resources).toEqual([]);
    },
  );

  it('that are links are allowed under both their names', async () => {
    const { base, call } = await openWorkbench({
      roots: (folder) => {
        symlinkSync(join(folder, 'root'), join(folder, 'alias'));
        return [join(folder, 'alias')];
      },
    });
    await writeFile(join(base, 'root/a.txt'), 'inside');
    for (const path of ['a.txt', join(base, 'alias/a.txt'), join(base, 'root/a.txt')]) {
      expect((await call('read_text', { path })).output).toMatchObject({
        path: 'a.txt',
        content: 'inside',
      });
    }
  });

  it('are not moved or deleted themselves', async () => {
    const { call, root } = await openBesideSecret();
    for (const path of ['.', root, 'in/..']) {
      expect(await call('delete', { path, permanent: true })).toMatchObject({
        isError: true,
      });
      expect(await call('move', { from: path, to: 'in/x' })).toMatchObject({ isError: true });
    }
    expect(existsSync(join(root, 'in/a.txt'))).toBe(true);
  });

  it('may be several: paths in the others are absolute', async () => {
    const { base, call } = await openWorkbench({
      roots: (folder) => [join(folder, 'root'), join(folder, 'second')],
    });
    await mkdir(join(base, 'second'));
    const path = join(base, 'second/b.txt');
    expect((await call('write', { path, content: 'two' })).output).toMatchObject({ path });
    expect((await call('move', { from: path, to: 'b.txt' })).output).toEqual({
      from: path,
      to: 'b.txt',
    });
  });
});

describe('what is not a file', () => {
  it.each(['pipe', 'socket'])('never makes a call wait: a %s', async (kind) => {
    const { call, root } = await openBesideSecret();
    const path = join(root, 'in', kind);
    if (kind === 'pipe') makePipe(path);
    else {
      const server = createServer().listen(path);
      onTestFinished(() => void server.close());
    }
    for (const name of ['read_text', 'read_media', 'grep']) {
      const answer = await call(name, { path: `in/${kind}`, pattern: 'x', ...only(name) });
      expect(answer.isError).toBe(true);
    }
    expect((await call('read_text', { path: `in/${kind}` })).text).toContain(
      `is a ${kind}, not a file`,
    );
    expect((await call('write', { path: `in/${kind}`, content: 'x' })).isError).toBe(true);
    expect((await call('grep', { pattern: 'inside' })).text).toContain('in/a.txt');
    expect((await call('copy', { from: 'in', to: 'copy' })).output).toMatchObject({
      files: 1,
      skipped: 1,
    });
    expect((await call('info', { path: `in/${kind}` })).output).toMatchObject({ type: kind });
  });

  it('is refused under /proc, /sys and /dev, though the root is the whole system', async () => {
    const bench = await openWorkbench({ roots: () => ['/'] });
    for (const path of [
      '/proc/self/environ',
      '/proc/self/root/etc/passwd',
      '/dev/zero',
      '/sys/kernel',
    ]) {
      const answer = await bench.call('read_text', { path });
      expect(answer.isError).toBe(true);
      expect(answer.text).not.toContain('PATH=');
    }
    const { text } = await bench.call('tree', { depth: 1, exclude: [] });
    expect(text).toContain('\ntmp/');
    expect(text).not.toContain('\nproc/');
  });
});

/** Only the arguments that a tool takes. */
function only(name: string): Record<string, undefined> {
  return name === 'grep' ? {} : { pattern: undefined };
}

it('a hard link is replaced, never written through', async () => {
  const { call, root, outside } = await openBesideSecret();
  await link(join(outside, 'secret.txt'), join(root, 'hard.txt'));
  await call('write', { path: 'hard.txt', content: 'mine' });
  expect(await readFile(join(root, 'hard.txt'), 'utf8')).toBe('mine');
  await link(join(outside, 'secret.txt'), join(root, 'hard2.txt'));
  await call('edit', { path: 'hard2.txt', old_text: 'secret', new_text: 'x' });
  await expectUntouched(outside);
  expect((await stat(join(outside, 'secret.txt'))).nlink).toBe(1);
});

it('a trash that is a link is not moved into', async () => {
  const { call, root, outside } = await openBesideSecret();
  await symlink(outside, join(root, '.drawbridge-trash'));
  expect(await call('delete', { path: 'in/a.txt' })).toMatchObject({ isError: true });
  expect(existsSync(join(root, 'in/a.txt'))).toBe(true);
  await expectUntouched(outside);
});
