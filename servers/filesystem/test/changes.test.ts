// Changing files: whole or not at all, and only what the caller has seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openWorkbench, temporaryFolder } from './harness.ts';

describe('write', () => {
  it('creates and replaces, and keeps the rights of what it replaces', async () => {
    const { call, root } = await openWorkbench();
    expect((await call('write', { path: 'a.sh', content: 'one' })).output).toMatchObject({
      created: true,
    });
    await chmod(join(root, 'a.sh'), 0o750);
    expect((await call('write', { path: 'a.sh', content: 'two' })).output).toMatchObject({
      created: false,
    });
    expect(await readFile(join(root, 'a.sh'), 'utf8')).toBe('two');
    expect((await stat(join(root, 'a.sh'))).mode & 0o777).toBe(0o750);
    expect(await readdir(root)).toEqual(['a.sh']);
  });

  it('refuses when the file is no longer what was read', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'one');
    const { output } = await call('read_text', { path: 'a.txt' });
    await writeFile(join(root, 'a.txt'), 'changed by another');
    const write = { path: 'a.txt', content: 'mine', expected_hash: output['hash'] };
    const refused = await call('write', write);
    expect(refused).toMatchObject({ isError: true });
    expect(refused.text).toContain('is not what you read');
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('changed by another');
    expect(await call('write', { ...write, path: 'none.txt' })).toMatchObject({ isError: true });
  });

  it('lets one of several that read the same win', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'one');
    const { output } = await call('read_text', { path: 'a.txt' });
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((content) =>
        call('write', { path: 'a.txt', content, expected_hash: output['hash'] }),
      ),
    );
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(1);
  });

  it('says what is wrong when the folder is missing or the path is a folder', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'in'));
    expect((await call('write', { path: 'no/a.txt', content: '' })).text).toContain(
      'does not exist',
    );
    expect((await call('write', { path: 'in', content: '' })).text).toContain('is not a file');
  });

  // Holds: files/old-or-new
  it('leaves the old or the new, never half, wherever it is killed', async () => {
    const root = await temporaryFolder();
    const file = join(root, 'a.txt');
    const size = 4 * 1024 * 1024;
    await writeFile(file, 'A'.repeat(size));
    const script = fileURLToPath(new URL('endless-writer.ts', import.meta.url));
    const tsx = new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
    for (const writes of [1, 2, 4]) {
      const child = spawn(process.execPath, ['--import', tsx, script, root, String(size)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      // Killed while the write after the n-th is under way.
      let seen = 0;
      for await (const dots of child.stdout) {
        seen += String(dots).length;
        if (seen >= writes) break;
      }
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const content = await readFile(file, 'utf8');
      expect(content).toHaveLength(size);
      expect(content === 'A'.repeat(size) || content === 'B'.repeat(size)).toBe(true);
    }
  }, 20_000);
});

describe('edit', () => {
  it('replaces a passage, and answers with the difference', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'one\ntwo\nthree\n');
    const { output } = await call('edit', {
      path: 'a.txt',
      old_text: 'two',
      new_text: 'TWO $& $1',
    });
    expect(output).toMatchObject({ replaced: 1, written: true });
    expect(output['diff']).toBe(
      '--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO $& $1\n three\n',
    );
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('one\nTWO $& $1\nthree\n');
  });

  it('shows the difference without writing when asked', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'one');
    const { output } = await call('edit', {
      path: 'a.txt',
      old_text: 'one',
      new_text: 'two',
      dry_run: true,
    });
    expect(output).toMatchObject({ written: false, replaced: 1 });
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('one');
  });

  it('refuses a passage that does not occur or occurs more than once, with the count', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'a a a');
    expect((await call('edit', { path: 'a.txt', old_text: 'b', new_text: '' })).text).toContain(
      '0 matches',
    );
    expect((await call('edit', { path: 'a.txt', old_text: 'a', new_text: '' })).text).toContain(
      'occurs 3 times',
    );
    const all = await call('edit', {
      path: 'a.txt',
      old_text: 'a',
      new_text: 'b',
      replace_all: true,
    });
    expect(all.output).toMatchObject({ replaced: 3 });
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('b b b');
  });

  it('keeps the line ends of the file', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'one\r\ntwo\r\n');
    await call('edit', { path: 'a.txt', old_text: 'one\ntwo', new_text: '1\n2' });
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('1\r\n2\r\n');
  });

  it('refuses what it would damage: bytes that are not UTF-8', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), Buffer.from([0x61, 0xff, 0x62]));
    expect((await call('edit', { path: 'a.txt', old_text: 'a', new_text: 'b' })).text).toContain(
      'not UTF-8',
    );
  });

  it('loses none of many edits at once', async () => {
    const { call, root } = await openWorkbench();
    const words = Array.from({ length: 20 }, (_, index) => `word${index};`);
    await writeFile(join(root, 'a.txt'), words.join('\n'));
    await Promise.all(
      words.map((old_text) => call('edit', { path: 'a.txt', old_text, new_text: 'done;' })),
    );
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe(words.map(() => 'done;').join('\n'));
  });
});

describe('create_directory', () => {
  it('makes what is missing, and is content when it is there', async () => {
    const { call } = await openWorkbench();
    expect((await call('create_directory', { path: 'a/b' })).output).toEqual({
      created: ['a', 'a/b'],
    });
    expect((await call('create_directory', { path: 'a/b' })).output).toEqual({ created: [] });
    await call('write', { path: 'a/file', content: '' });
    expect(await call('create_directory', { path: 'a/file/c' })).toMatchObject({ isError: true });
  });
});

describe('move and copy', () => {
  it('never replace what is there: a file, a folder, a link', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'empty'));
    await mkdir(join(root, 'full/in'), { recursive: true });
    await writeFile(join(root, 'a.txt'), 'a');
    await writeFile(join(root, 'b.txt'), 'b');
    for (const name of ['move', 'copy']) {
      for (const [from, to] of [
        ['a.txt', 'b.txt'],
        ['a.txt', 'empty'],
        ['full', 'empty'],
        ['full', 'full/in/deeper'],
        ['full', 'full'],
      ]) {
        expect(await call(name, { from, to })).toMatchObject({ isError: true });
      }
    }
    expect((await readdir(root)).sort()).toEqual(['a.txt', 'b.txt', 'empty', 'full']);
    expect(await readFile(join(root, 'b.txt'), 'utf8')).toBe('b');
  });

  it.each(['move', 'copy'])('name the path that is missing: %s', async (name) => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a.txt'), 'a');
    const noSource = await call(name, { from: 'none.txt', to: 'b.txt' });
    expect(noSource.text).toContain('"none.txt" does not exist');
    const noFolder = await call(name, { from: 'a.txt', to: 'none/b.txt' });
    expect(noFolder.text).toContain('"none/b.txt" does not exist');
  });

  // A second file system is needed, and only Linux has one in memory at a known place.
  it.skipIf(!existsSync('/dev/shm'))('move a folder to another file system', async () => {
    const memory = await temporaryFolder('/dev/shm');
    const { call, root } = await openWorkbench({ roots: (base) => [join(base, 'root'), memory] });
    await mkdir(join(root, 'full/in'), { recursive: true });
    await writeFile(join(root, 'full/in/a.txt'), 'a');
    const moved = await call('move', { from: 'full', to: join(memory, 'full') });
    expect(moved.isError).toBe(false);
    expect(await readFile(join(memory, 'full/in/a.txt'), 'utf8')).toBe('a');
    await call('move', { from: join(memory, 'full/in/a.txt'), to: 'a.txt' });
    expect(await readdir(root)).toEqual(['a.txt']);
    expect(await readdir(join(memory, 'full/in'))).toEqual([]);
  });

  it('rename a folder, and copy one with all that is in it', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'full/in'), { recursive: true });
    await writeFile(join(root, 'full/in/a.bin'), Buffer.alloc(700_000, 7), { mode: 0o640 });
    const { output } = await call('copy', { from: 'full', to: 'copy' });
    expect(output).toMatchObject({ files: 1, bytes: 700_000, skipped: 0 });
    await call('move', { from: 'copy', to: 'moved' });
    expect(await readFile(join(root, 'moved/in/a.bin'))).toEqual(Buffer.alloc(700_000, 7));
    expect((await stat(join(root, 'moved/in/a.bin'))).mode & 0o777).toBe(0o640);
  });
});

describe('delete', () => {
  it('moves to the trash, from where it can be moved back', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'in'));
    await writeFile(join(root, 'in/a.txt'), 'a');
    const { output } = await call('delete', { path: 'in' });
    expect(await readdir(root)).toEqual(['.drawbridge-trash']);
    expect((await call('find', { pattern: '*', ignored: true })).output).toMatchObject({
      paths: [],
    });
    await call('move', { from: output['trash'], to: 'in' });
    expect(await readFile(join(root, 'in/a.txt'), 'utf8')).toBe('a');
  });

  it('removes for good when told to, and out of the trash', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'in/deep'), { recursive: true });
    await writeFile(join(root, 'in/deep/a.txt'), 'a');
    expect((await call('delete', { path: 'in', permanent: true })).output).toMatchObject({
      removed: 3,
    });
    expect(await readdir(root)).toEqual([]);
    await writeFile(join(root, 'a.txt'), 'a');
    await call('delete', { path: 'a.txt' });
    expect((await call('delete', { path: '.drawbridge-trash' })).output).toHaveProperty('removed');
    expect(await readdir(root)).toEqual([]);
  });

  it('says so when there is nothing to delete', async () => {
    const { call } = await openWorkbench();
    expect((await call('delete', { path: 'none' })).text).toContain('does not exist');
  });
});
