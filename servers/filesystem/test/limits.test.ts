// What a call may cost, and right answers where sizes, rights, names and line ends are unusual.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rmdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toListing } from '@drawbridge/kit';
import { type Folder, openFolder, writeAtomically } from '@drawbridge/paths';
import { createDefinition } from '../src/server.ts';
import { openWorkbench, temporaryFolder } from './harness.ts';

/** A file that takes no room on disk. */
async function makeSparse(path: string, size: number): Promise<void> {
  await writeFile(path, 'head\n');
  await truncate(path, size);
}

const GIB = 1024 ** 3;

describe('a file of eight gigabytes', () => {
  it.each([
    ['write', { content: 'x', expected_hash: '0123456789abcdef' }],
    ['edit', { old_text: 'head', new_text: 'x' }],
    ['edit', { old_text: 'head', new_text: 'x', dry_run: true }],
    ['read_media', {}],
    ['read_text', { offset: 1_000_000_000 }],
  ])(
    'is refused by %s at once, with the size that is allowed: %j',
    async (name, args) => {
      const { call, root } = await openWorkbench();
      await makeSparse(join(root, 'huge'), 8 * GIB);
      const before = [performance.now(), process.memoryUsage().rss] as const;
      const { isError, text } = await call(name, { path: 'huge', ...args });
      expect([isError, text]).toEqual([true, expect.stringMatching(/bytes/)]);
      expect(performance.now() - before[0]).toBeLessThan(8_000);
      expect(process.memoryUsage().rss - before[1]).toBeLessThan(200 * 1024 * 1024);
      expect((await stat(join(root, 'huge'))).size).toBe(8 * GIB);
    },
    20_000,
  );

  it('is shown in part by what reads parts, without being read whole', async () => {
    const { call, client, root } = await openWorkbench();
    const path = join(root, 'huge');
    await writeFile(path, `${'-'.repeat(9_000)}`);
    await truncate(path, 8 * GIB);
    const before = performance.now();
    const { output } = await call('read_many', { paths: Array.from({ length: 50 }, () => 'huge') });
    expect(output['files']).toHaveLength(50);
    expect((await call('read_text', { path: 'huge', limit: 1 })).isError).toBe(false);
    await expect(client.readResource({ uri: `file://${path}` })).rejects.toThrow('bytes');
    expect(performance.now() - before).toBeLessThan(5_000);
  }, 20_000);
});

it('read_many neither counts nor hashes what it does not show', async () => {
  const { call, root } = await openWorkbench();
  for (let index = 0; index < 50; index += 1) {
    await writeFile(join(root, `f${index}`), 'line\n'.repeat(2_000));
    await truncate(join(root, `f${index}`), 60 * 1024 * 1024);
  }
  const before = performance.now();
  await call('read_many', { paths: Array.from({ length: 50 }, (_, index) => `f${index}`) });
  expect(performance.now() - before).toBeLessThan(3_000);
}, 30_000);

describe('edit', () => {
  it('refuses a result that would be too large', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a'), 'a'.repeat(50_000));
    const args = { path: 'a', old_text: 'a', new_text: 'b'.repeat(100_000), replace_all: true };
    const { isError, text } = await call('edit', args);
    expect([isError, text]).toEqual([true, expect.stringContaining('Allowed: files up to')]);
  });

  it('takes no longer for a passage and a text that repeat themselves', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a'), 'a'.repeat(8_000_000));
    const before = performance.now();
    const old_text = `b${'a'.repeat(400_000)}`;
    expect((await call('edit', { path: 'a', old_text, new_text: 'x' })).text).toContain(
      '0 matches',
    );
    const many = { path: 'a', old_text: 'a', new_text: 'x', replace_all: true };
    expect((await call('edit', many)).text).toContain('replacements at once');
    expect(performance.now() - before).toBeLessThan(8_000);
  }, 20_000);

  const mixed = 'a\r\nb\nc\r\nd\n';
  it.each([
    ['b\nc', 'B\nC', 'a\r\nB\nC\r\nd\n'],
    ['a\nb', 'A\nB', 'A\r\nB\nc\r\nd\n'],
    ['a\r\nb', 'A\r\nB', 'A\r\nB\nc\r\nd\n'],
    ['a\r\nb', 'A\nB', 'A\nB\nc\r\nd\n'],
    ['b\r\nc', 'x\ny', 'a\r\nx\ny\r\nd\n'],
    ['b', 'b1\nb2', 'a\r\nb1\nb2\nc\r\nd\n'],
    ['c', 'c1\nc2', 'a\r\nb\nc1\r\nc2\r\nd\n'],
    ['\nb\n', '\n', 'a\r\nc\r\nd\n'],
    ['a\nb\nc\nd', 'all', 'all\n'],
  ])('in a file of mixed line ends replaces %j by %j and nothing else', async (old, by, after) => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'a'), mixed);
    const answer = await call('edit', { path: 'a', old_text: old, new_text: by });
    expect([answer.isError, await readFile(join(root, 'a'), 'utf8')]).toEqual([false, after]);
  });

  it('shows what it changed in places far apart, with the right line numbers', async () => {
    const { call, root } = await openWorkbench();
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`);
    await writeFile(join(root, 'a'), lines.join(''));
    const args = { path: 'a', old_text: '0\n', new_text: '0\nmore\n', replace_all: true };
    const { output } = await call('edit', args);
    expect(String(output['diff']).match(/^@@.*@@$/gm)).toEqual([
      '@@ -8,6 +8,7 @@',
      '@@ -18,6 +19,7 @@',
      '@@ -28,3 +30,4 @@',
    ]);
    // What patch(1) makes of it is what was written.
    await writeFile(join(root, 'b'), lines.join(''));
    execFileSync('git', ['apply', '--unsafe-paths', '-p0', '-'], {
      cwd: root,
      input: String(output['diff']).replaceAll(/^(---|\+\+\+) a$/gm, '$1 b'),
    });
    expect(await readFile(join(root, 'b'), 'utf8')).toBe(await readFile(join(root, 'a'), 'utf8'));
  });
});

describe('a file that is replaced', () => {
  it.each(['write', 'edit'])('by %s runs as nobody else any longer', async (name) => {
    const { call, root } = await openWorkbench();
    const path = join(root, 'tool');
    await writeFile(path, 'old');
    await chmod(path, 0o7755);
    const args = name === 'write' ? { content: 'new' } : { old_text: 'old', new_text: 'new' };
    expect((await call(name, { path: 'tool', ...args })).output).not.toHaveProperty(
      'owner_changed',
    );
    expect((await stat(path)).mode & 0o7777).toBe(0o755);
  });

  it('is copied without those rights either', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'tool'), 'old');
    await chmod(join(root, 'tool'), 0o6755);
    await call('copy', { from: 'tool', to: 'copy' });
    expect((await stat(join(root, 'copy'))).mode & 0o7777).toBe(0o755);
  });

  it('keeps its owner where that may be, and says so where it may not', async () => {
    const root = await temporaryFolder();
    const folder = openFolder(root, () => {});
    const fill = (file: { writeFile(text: string): Promise<void> }) => file.writeFile('new');
    const mine = process.getuid?.() ?? 0;
    const group = process.getgid?.() ?? 0;
    const kept = { mode: 0o640, uid: mine, gid: group };
    await writeFile(join(root, 'a'), 'old');
    expect(await writeAtomically(folder, 'a', fill, { owner: kept, replace: true })).toEqual({
      ownerChanged: false,
    });
    // As for every user but the administrator.
    const powerless: Folder = {
      ...folder,
      async createFile(name, rights) {
        const file = await folder.createFile(name, rights);
        const denied = Object.assign(new Error('chown'), { code: 'EPERM', syscall: 'fchown' });
        return Object.assign(file, { chown: () => Promise.reject(denied) });
      },
    };
    const other = { mode: 0o664, uid: mine + 1, gid: group + 1 };
    const answer = await writeAtomically(powerless, 'a', fill, { owner: other, replace: true });
    expect(answer).toEqual({ ownerChanged: true });
    // The group that it has now may do no more than everybody.
    expect((await stat(join(root, 'a'))).mode & 0o7777).toBe(0o644);
    folder.close();
  });
});

describe('names', () => {
  it('may end in " (deleted)"', async () => {
    const { call, root } = await openWorkbench();
    await mkdir(join(root, 'x (deleted)/in (deleted)'), { recursive: true });
    const path = 'x (deleted)/in (deleted)/a (deleted)';
    expect((await call('write', { path, content: 'needle' })).isError).toBe(false);
    expect((await call('read_text', { path })).output).toMatchObject({ content: 'needle' });
    expect((await call('grep', { pattern: 'needle' })).text).toContain(path);
    expect((await call('find', { pattern: '*' })).output).toMatchObject({ paths: [path] });
    expect((await call('list', { path: 'x (deleted)' })).isError).toBe(false);
  });

  it('of a root may end so as well', async () => {
    const { call, base } = await openWorkbench({
      roots: (folder) => [join(folder, 'r (deleted)')],
    });
    await mkdir(join(base, 'r (deleted)'));
    expect((await call('write', { path: 'a', content: '' })).isError).toBe(false);
    await rmdir(join(base, 'root'));
  });
});

describe('create_directory', () => {
  it('makes the deepest folder that a path can name in time that grows with its depth', async () => {
    const { call, root } = await openWorkbench();
    const path = Array.from({ length: 2_000 }, () => 'd').join('/');
    const before = performance.now();
    const { isError, output } = await call('create_directory', { path });
    expect(isError).toBe(false);
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(Buffer.byteLength(JSON.stringify(output))).toBeLessThan(256 * 1024);
    expect((await call('create_directory', { path })).output).toEqual({ created: [] });
    expect((await call('delete', { path: 'd', permanent: true })).output).toMatchObject({
      removed: 2_000,
    });
    expect((await stat(root)).isDirectory()).toBe(true);
  }, 60_000);
});

describe('texts of a call', () => {
  it('have a limit each', () => {
    const unlimited: string[] = [];
    const look = (schema: unknown, at: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { type, maxLength, enum: choices } = schema as Record<string, unknown>; // it is an object
      if (type === 'string' && maxLength === undefined && choices === undefined) unlimited.push(at);
      for (const [key, value] of Object.entries(schema)) look(value, `${at}.${key}`);
    };
    for (const { name, inputSchema } of toListing(createDefinition({})).tools)
      look(inputSchema, name);
    expect(unlimited).toEqual([]);
  });

  it.each([
    ['grep', { pattern: 'x'.repeat(1024 * 1024) }],
    ['grep', { pattern: 'x', glob: 'x'.repeat(1024 * 1024) }],
    ['grep', { pattern: 'é'.repeat(10_000) }],
    ['find', { pattern: '*'.repeat(1024 * 1024) }],
    ['tree', { exclude: ['*'.repeat(1024 * 1024)] }],
    ['list', { cursor: 'x'.repeat(1024 * 1024) }],
    ['read_text', { path: '../'.repeat(500_000) }],
    ['write', { path: 'a', content: '', expected_hash: 'x'.repeat(1024 * 1024) }],
  ])('of %s are refused beyond it, with the limit', async (name, args) => {
    const { call } = await openWorkbench();
    const { isError, text } = await call(name, args);
    expect([isError, text]).toEqual([true, expect.stringMatching(/longer than \d+ characters/)]);
  });

  it.each([
    { pattern: 'a\nb' },
    { pattern: 'a\nb', literal: true },
    { pattern: 'x\0' },
    { pattern: 'x', glob: 'a\0' },
    { pattern: '(' },
    { pattern: 'x', glob: '{a' },
  ])('of grep that it cannot take are an issue of the caller: %j', async (args) => {
    const { call } = await openWorkbench();
    const { isError, text } = await call('grep', args);
    expect(isError).toBe(true);
    expect(text).not.toContain('issue in the server');
  });
});

describe('grep', () => {
  it('finds in long lines, large files, UTF-16 and behind a byte order mark', async () => {
    const { call, root } = await openWorkbench();
    await writeFile(join(root, 'bom'), '\ufeffneedle\n');
    await writeFile(join(root, 'crlf'), 'one\r\nneedle\r\n');
    await writeFile(join(root, 'large'), `${'line\n'.repeat(400_000)}needle`);
    await writeFile(join(root, 'long'), `${'é'.repeat(900)} needle\nneedle\n`);
    await writeFile(join(root, 'utf16'), Buffer.from('\ufeffa needle\n', 'utf16le'));
    const { output } = await call('grep', { pattern: 'needle' });
    expect(output['matches']).toMatchObject([
      { path: 'bom', line: 1, text: 'needle' },
      { path: 'crlf', line: 2, text: 'needle' },
      { path: 'large', line: 400_001, text: 'needle' },
      { path: 'long', line: 1, text: expect.stringContaining('omitted') },
      { path: 'long', line: 2, text: 'needle' },
      { path: 'utf16', line: 1, text: 'a needle' },
    ]);
    const around = await call('grep', { pattern: 'needle', context: 1, glob: 'crlf' });
    expect(around.output['matches']).toEqual([
      { path: 'crlf', line: 1, text: 'one', context: true },
      { path: 'crlf', line: 2, text: 'needle' },
    ]);
  });
});
