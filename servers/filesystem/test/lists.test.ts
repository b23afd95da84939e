// Looking around: folders, trees, names and contents, a page at a time.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './harness.ts';

async function openWith(files: Readonly<Record<string, string>>): Promise<Workbench> {
  const bench = await openWorkbench();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(bench.root, name)), { recursive: true });
    await writeFile(join(bench.root, name), content);
  }
  return bench;
}

/** All pages of a listing, joined. */
async function allPages(
  { call }: Workbench,
  name: string,
  { key, ...args }: Record<string, unknown> & { key: string },
): Promise<{ items: unknown[]; pages: number }> {
  const items: unknown[] = [];
  let [pages, cursor]: [number, unknown] = [0, undefined];
  do {
    const { output } = await call(name, { ...args, ...(cursor !== undefined && { cursor }) });
    items.push(...(output[key] as unknown[])); // the caller names a list
    cursor = output['next'];
    pages += 1;
  } while (cursor !== undefined);
  return { items, pages };
}

describe('list', () => {
  it('shows names, kinds and sizes, in the order asked for', async () => {
    const { call, root } = await openWith({ 'b.txt': '12345', 'a.txt': '1', 'c/d.txt': '' });
    await symlink('a.txt', join(root, 'z'));
    await utimes(join(root, 'a.txt'), 2_000_000_000, 2_000_000_000);
    const namesBy = async (sort: string) => {
      const { output } = await call('list', { sort });
      return (output['entries'] as { name: string }[]).map(({ name }) => name); // as the schema says
    };
    expect(await namesBy('name')).toEqual(['a.txt', 'b.txt', 'c', 'z']);
    expect((await namesBy('modified'))[0]).toBe('a.txt');
    const { output } = await call('list');
    expect(output).toMatchObject({
      total: 4,
      entries: [
        { name: 'a.txt', type: 'file', size: 1, modified: '2033-05-18T03:33:20.000Z' },
        { name: 'b.txt', type: 'file', size: 5 },
        { name: 'c', type: 'folder' },
        { name: 'z', type: 'link' },
      ],
    });
  });

  it('pages, and refuses the cursor of another order', async () => {
    const bench = await openWith({ a: '', b: '', c: '', d: '', e: '' });
    const { items, pages } = await allPages(bench, 'list', { key: 'entries', limit: 2 });
    expect(items).toHaveLength(5);
    expect(pages).toBe(3);
    const { output } = await bench.call('list', { limit: 2 });
    const other = await bench.call('list', { limit: 2, sort: 'size', cursor: output['next'] });
    expect(other.text).toContain('does not belong to this listing');
  });

  it('gives a page of a folder of 100,000 entries without asking about each', async () => {
    // In memory where the system has such a place: so many files take a disk a while.
    const parent = existsSync('/dev/shm') ? '/dev/shm' : undefined;
    const { call, root } = await openWorkbench({ parent });
    execSync('seq -f "f%06g" 1 100000 | xargs touch', { cwd: root });
    const before = performance.now();
    const { output, text } = await call('list', { limit: 100 });
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(output).toMatchObject({ total: 100_000 });
    expect(text).toContain('f000100');
    expect((await call('tree', { limit: 10 })).output).toHaveProperty('next');
  }, 60_000);

  it('names the tool for a file', async () => {
    const { call } = await openWith({ a: '' });
    expect((await call('list', { path: 'a' })).text).toContain('is a file, not a folder');
  });
});

it.each(['list', 'tree', 'find'])('%s stays under the limit of one answer', async (name) => {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : undefined;
  const { call, root } = await openWorkbench({ parent });
  execSync(`seq -f "${'n'.repeat(240)}%06g" 1 1900 | xargs touch`, { cwd: root });
  const key = { list: 'entries', tree: 'entries', find: 'paths' }[name] ?? '';
  let [count, cursor]: [number, unknown] = [0, undefined];
  do {
    const args = { limit: 2_000, ...(name === 'find' && { pattern: '*' }) };
    const { output, text } = await call(name, { ...args, ...(cursor !== undefined && { cursor }) });
    expect(Buffer.byteLength(text)).toBeLessThan(256 * 1024);
    expect(Buffer.byteLength(JSON.stringify(output))).toBeLessThan(256 * 1024);
    count += (output[key] as unknown[]).length; // a list, as the schema says
    cursor = output['next'];
  } while (cursor !== undefined);
  expect(count).toBe(1_900);
});

describe('tree', () => {
  const files = { 'a/b/c/d.txt': '', 'a/x.txt': '', 'node_modules/m/i.js': '', 'z.log': '' };

  it('goes as deep as asked, and leaves out what is excluded', async () => {
    const { call } = await openWith(files);
    expect((await call('tree')).output).toMatchObject({
      entries: ['a/', 'a/b/', 'a/b/c/', 'a/x.txt', 'z.log'],
    });
    expect((await call('tree', { depth: 1, exclude: ['*.log', 'a/b'] })).output).toMatchObject({
      entries: ['a/', 'node_modules/'],
    });
    expect((await call('tree', { depth: 9, exclude: ['a/**'] })).output).toMatchObject({
      entries: ['a/', 'node_modules/', 'node_modules/m/', 'node_modules/m/i.js', 'z.log'],
    });
  });

  it('pages', async () => {
    const { items } = await allPages(await openWith(files), 'tree', { key: 'entries', limit: 2 });
    expect(items).toEqual(['a/', 'a/b/', 'a/b/c/', 'a/x.txt', 'z.log']);
  });
});

describe('find', () => {
  const files = {
    '.gitignore': 'dist/\n*.log\n',
    'a.ts': '',
    'src/b.ts': '',
    'src/deep/c.tsx': '',
    'src/deep/é.ts': '',
    'dist/a.ts': '',
    'debug.log': '',
    '.git/config.ts': '',
    '.github/ci.yml': '',
  };

  it.each([
    ['*.ts', ['a.ts', 'src/b.ts', 'src/deep/é.ts']],
    ['src/*.ts', ['src/b.ts']],
    ['src/**', ['src/b.ts', 'src/deep/c.tsx', 'src/deep/é.ts']],
    ['**/deep/*.{ts,tsx}', ['src/deep/c.tsx', 'src/deep/é.ts']],
    ['?.ts', ['a.ts', 'src/b.ts', 'src/deep/é.ts']],
    ['[!a].ts', ['src/b.ts', 'src/deep/é.ts']],
    ['*.log', []],
    ['*.yml', ['.github/ci.yml']],
  ])('finds by %s what .gitignore leaves', async (pattern, paths) => {
    const { call } = await openWith(files);
    expect((await call('find', { pattern })).output).toMatchObject({ paths });
  });

  it('finds ignored files and folders when asked, and pages', async () => {
    const bench = await openWith(files);
    const { output } = await bench.call('find', { pattern: '*.{log,ts}', ignored: true });
    expect(output['paths']).toEqual([
      'a.ts',
      'debug.log',
      'dist/a.ts',
      'src/b.ts',
      'src/deep/é.ts',
    ]);
    const folders = await bench.call('find', { pattern: 'deep', type: 'folder' });
    expect(folders.output).toMatchObject({ paths: ['src/deep'] });
    const { items, pages } = await allPages(bench, 'find', {
      key: 'paths',
      pattern: '*',
      limit: 2,
    });
    expect([items.length, pages]).toEqual([6, 3]);
  });
});

describe('grep', () => {
  const files = {
    'a.ts': 'one\ntwo (x)\nthree\n',
    'src/b.md': 'Two\r\n',
    'skip.log': 'two\n',
    '.gitignore': '*.log\n',
  };

  it('answers with lines, what is around them, or files', async () => {
    const { call } = await openWith(files);
    const matches = async (args: Record<string, unknown>) =>
      (await call('grep', args)).output['matches'];
    expect(await matches({ pattern: 't.o' })).toEqual([{ path: 'a.ts', line: 2, text: 'two (x)' }]);
    expect(await matches({ pattern: 'TWO', ignore_case: true, glob: '*.md' })).toEqual([
      { path: 'src/b.md', line: 1, text: 'Two' },
    ]);
    expect(await matches({ pattern: '(x)', literal: true })).toHaveLength(1);
    expect(await matches({ pattern: 'two', context: 1 })).toEqual([
      { path: 'a.ts', line: 1, text: 'one', context: true },
      { path: 'a.ts', line: 2, text: 'two (x)' },
      { path: 'a.ts', line: 3, text: 'three', context: true },
    ]);
    expect(await matches({ pattern: 'two', path: 'a.ts' })).toHaveLength(1);
    expect(await matches({ pattern: 'two', ignored: true })).toHaveLength(2);
    const only = await call('grep', { pattern: '[Tt]wo', files_only: true });
    expect(only.output).toEqual({ files: ['a.ts', 'src/b.md'] });
  });

  it('pages through everything once, in order', async () => {
    const lines = Array.from({ length: 50 }, (_, index) => `x ${index}\n`).join('');
    const bench = await openWith({ b: lines, a: lines, 'c/d': lines });
    const { items, pages } = await allPages(bench, 'grep', {
      key: 'matches',
      pattern: 'x',
      limit: 40,
    });
    expect(pages).toBe(4);
    expect(items.map((item) => (item as { path: string }).path)).toEqual([
      ...Array.from({ length: 50 }, () => 'a'),
      ...Array.from({ length: 50 }, () => 'b'),
      ...Array.from({ length: 50 }, () => 'c/d'),
    ]); // as the schema says
  });

  it('cuts long lines and full pages', async () => {
    const bench = await openWith({
      'a.txt': `${'y'.repeat(900)} x ${'é'.repeat(100_000)}\n`.repeat(400),
    });
    const { output, text } = await bench.call('grep', { pattern: 'x', limit: 2_000 });
    expect(output).toHaveProperty('next');
    expect(Buffer.byteLength(text)).toBeLessThan(256 * 1024);
    const { items } = await allPages(bench, 'grep', { key: 'matches', pattern: 'x', limit: 2_000 });
    expect(items).toHaveLength(400);
  });
});
