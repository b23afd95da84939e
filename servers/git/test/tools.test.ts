// Each tool in a real repository, by clients of both eras.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commitFiles, git, makeRepository, openWorkbench, write } from './harness.ts';

async function open(era: 'modern' | 'legacy' = 'modern') {
  const bench = await openWorkbench({ era });
  const folder = makeRepository(join(bench.root, 'r'), { 'a.txt': 'one\ntwo\nthree\n' });
  const call = (name: string, args: Record<string, unknown> = {}) =>
    bench.call(name, { repo: 'r', ...args });
  return { ...bench, folder, call };
}

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  it('makes a repository, stages, commits, and sees what it did', async () => {
    const { call, root } = await openWorkbench({ era });
    expect((await call('init', { path: 'new/deep' })).output).toEqual({
      path: 'new/deep',
      branch: 'main',
    });
    const repo = 'new/deep';
    write(join(root, repo), { 'a.txt': 'a\n', 'b c.txt': 'b\n' });
    expect((await call('status', { repo })).output['entries']).toEqual([
      { path: 'a.txt', state: '??' },
      { path: 'b c.txt', state: '??' },
    ]);
    expect((await call('add', { repo, paths: ['.'] })).output).toEqual({
      staged: ['a.txt', 'b c.txt'],
      total: 2,
    });
    const author = { author_name: 'Ann', author_email: 'ann@example.com' };
    expect((await call('commit', { repo, message: 'First\n\nWhy.' })).text).toContain(
      'A commit needs an author',
    );
    const committed = await call('commit', { repo, message: 'First\n\nWhy.', ...author });
    expect(committed.output['branch']).toBe('main');
    const log = await call('log', { repo });
    expect(log.output['commits']).toMatchObject([
      {
        hash: committed.output['head'],
        author: 'Ann <ann@example.com>',
        subject: 'First',
        body: 'Why.',
      },
    ]);
    expect(log.text).toMatch(/^<<drawbridge-fence /);
  });
});

it('names the argument that was meant', async () => {
  const { call } = await openWorkbench();
  expect((await call('status', { path: 'r' })).text).toContain('use "repo"');
});

it('answers differences by file, page by page, and long files in pieces', async () => {
  const { call, folder } = await open();
  write(folder, {
    'a.txt': 'one\n2\nthree\n',
    'big.txt': 'line of text\n'.repeat(20_000),
    'binary.bin': '\0\0\0',
  });
  git(folder, 'mv', 'a.txt', 'moved.txt');
  git(folder, 'add', '--all');
  const files: Record<string, unknown>[] = [];
  let cursor: unknown;
  let pages = 0;
  do {
    const { output } = await call('diff', {
      staged: true,
      ...(cursor !== undefined && { cursor }),
    });
    files.push(...(output['files'] as Record<string, unknown>[]));
    cursor = output['next'];
    pages += 1;
  } while (cursor !== undefined && pages < 20);
  expect(pages).toBeGreaterThan(2);
  const textOf = (path: string): string =>
    files.flatMap((file) => (file['path'] === path ? [file['text']] : [])).join('');
  expect(
    textOf('big.txt')
      .split('\n')
      .filter((line) => line === '+line of text'),
  ).toHaveLength(20_000);
  expect(files.find(({ path }) => path === 'moved.txt')).toMatchObject({
    from: 'a.txt',
    status: 'R',
    additions: 1,
    deletions: 1,
  });
  expect(files.find(({ path }) => path === 'binary.bin')).not.toHaveProperty('additions');
});

it('shows a commit, a merge, the first one, and a file as it was', async () => {
  const { call, folder } = await open();
  commitFiles(folder, 'second', { 'a.txt': 'new\n' });
  const { output } = await call('show');
  expect(output).toMatchObject({
    commit: { subject: 'second' },
    files: [{ path: 'a.txt', status: 'M', additions: 1, deletions: 3 }],
  });
  expect((await call('show', { ref: 'HEAD~1' })).output['files']).toMatchObject([{ status: 'A' }]);
  expect((await call('show', { ref: 'HEAD~1', path: 'a.txt' })).output['content']).toBe(
    'one\ntwo\nthree\n',
  );
});

it('blames lines by runs', async () => {
  const { call, folder } = await open();
  const second = commitFiles(folder, 'second', { 'a.txt': 'one\n2\nthree\n' });
  const { output } = await call('blame', { path: 'a.txt', limit: 2 });
  expect(output).toMatchObject({
    runs: [
      { line: 1, text: 'one', subject: 'first' },
      { line: 2, text: '2', hash: second },
    ],
    next_offset: 3,
  });
});

it('pages the log, and filters it', async () => {
  const { call, folder } = await open();
  for (const name of ['b', 'c', 'd']) commitFiles(folder, `add ${name}`, { [name]: name });
  const first = await call('log', { limit: 2 });
  expect(first.output['commits']).toMatchObject([{ subject: 'add d' }, { subject: 'add c' }]);
  const rest = await call('log', { limit: 2, cursor: first.output['next'] });
  expect(rest.output['commits']).toMatchObject([{ subject: 'add b' }, { subject: 'first' }]);
  expect(rest.output).not.toHaveProperty('next');
  const subjects = async (args: Record<string, unknown>) =>
    ((await call('log', args)).output['commits'] as { subject: string }[]).map(
      ({ subject }) => subject,
    );
  expect(await subjects({ paths: ['b'] })).toEqual(['add b']);
  expect(await subjects({ grep: 'ADD C' })).toEqual(['add c']);
  expect(await subjects({ author: 'nobody' })).toEqual([]);
  expect(await subjects({ ref: 'HEAD~2..HEAD' })).toEqual(['add d', 'add c']);
  expect(await subjects({ since: '2001-01-01', until: '2002-01-01' })).toEqual([]);
});

it('makes, lists and checks out branches, and restores files', async () => {
  const { call, folder } = await open();
  await call('branch_create', { name: 'topic' });
  expect((await call('checkout', { ref: 'topic' })).output['branch']).toBe('topic');
  const { output } = await call('branch_list');
  expect(output['branches']).toMatchObject([{ name: 'main' }, { name: 'topic', current: true }]);
  write(folder, { 'a.txt': 'lost' });
  await call('checkout', { paths: ['a.txt'] });
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one\ntwo\nthree\n');
  expect((await call('checkout', { ref: 'HEAD~0' })).output).not.toHaveProperty('branch');
});

it('resets, and finds what seemed lost in the reflog', async () => {
  const { call, folder } = await open();
  const second = commitFiles(folder, 'second', { 'b.txt': 'b' });
  await call('reset', { ref: 'HEAD~1', mode: 'hard' });
  expect(existsSync(join(folder, 'b.txt'))).toBe(false);
  const { output } = await call('reflog');
  expect(output['entries']).toMatchObject([
    { action: expect.stringContaining('reset') },
    { hash: second },
    {},
  ]);
  await call('reset', { ref: 'HEAD@{1}', mode: 'hard' });
  expect(git(folder, 'rev-parse', 'HEAD').trim()).toBe(second);
  write(folder, { 'b.txt': 'staged' });
  git(folder, 'add', 'b.txt');
  await call('reset', { paths: ['b.txt'] });
  expect((await call('diff', { staged: true })).output['total']).toBe(0);
});

it('puts changes aside and takes them up again', async () => {
  const { call, folder } = await open();
  write(folder, { 'a.txt': 'changed\n', 'new.txt': 'new\n' });
  await call('stash', { action: 'push', untracked: true, message: 'later' });
  expect((await call('status')).output['total']).toBe(0);
  expect((await call('stash', { action: 'list' })).text).toContain('later');
  await call('stash', { action: 'pop' });
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('changed\n');
  expect(readFileSync(join(folder, 'new.txt'), 'utf8')).toBe('new\n');
});

async function openWithConflict() {
  const bench = await open();
  git(bench.folder, 'checkout', '--quiet', '-b', 'topic');
  commitFiles(bench.folder, 'theirs', { 'a.txt': 'one\nTHEIRS\nthree\n' });
  git(bench.folder, 'checkout', '--quiet', 'main');
  commitFiles(bench.folder, 'ours', { 'a.txt': 'one\nOURS\nthree\n' });
  return bench;
}

describe.each([
  ['merge', { ref: 'topic' }, { ours: 'OURS', theirs: 'THEIRS' }],
  ['rebase', { ref: 'topic' }, { ours: 'THEIRS', theirs: 'OURS' }],
  ['cherry_pick', { refs: ['topic'] }, { ours: 'OURS', theirs: 'THEIRS' }],
] as const)('%s', (tool, args, sides) => {
  it('answers a conflict with its hunks, and is continued', async () => {
    const { call, folder } = await openWithConflict();
    const { output, isError } = await call(tool, args);
    expect(isError).toBe(false);
    expect(output['conflicts']).toEqual([
      { path: 'a.txt', kind: 'both_changed', hunks: [{ line: 2, base: 'two', ...sides }] },
    ]);
    expect((await call('status')).output['in_progress']).toBe(tool);
    expect((await call(tool, args)).text).toContain('in progress');
    expect((await call(tool, { action: 'continue' })).isError).toBe(false);
    expect((await call('status')).output['in_progress']).toBe(tool);
    write(folder, { 'a.txt': 'one\nBOTH\nthree\n' });
    await call('add', { paths: ['a.txt'] });
    const done = await call(tool, { action: 'continue' });
    expect(done.text).toContain('Done. main at');
    expect((await call('status')).output).not.toHaveProperty('in_progress');
    expect(git(folder, 'show', 'HEAD:a.txt')).toBe('one\nBOTH\nthree\n');
  });

  it('is aborted', async () => {
    const { call, folder } = await openWithConflict();
    await call(tool, args);
    expect((await call(tool, { action: 'abort' })).isError).toBe(false);
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one\nOURS\nthree\n');
    expect((await call(tool, { action: 'abort' })).text).toContain(`No ${tool} is in progress`);
  });
});

it('answers the conflict of a stash, and of a deleted file', async () => {
  const { call, folder } = await open();
  write(folder, { 'a.txt': 'stashed\n' });
  await call('stash', { action: 'push' });
  rmSync(join(folder, 'a.txt'));
  commitFiles(folder, 'deleted', {});
  const { output } = await call('stash', { action: 'pop' });
  expect(output['conflicts']).toEqual([{ path: 'a.txt', kind: 'deleted_by_ours' }]);
});

it('lists, makes and deletes tags', async () => {
  const { call } = await open();
  await call('tag', { action: 'create', name: 'v1' });
  await call('tag', { action: 'create', name: 'v2', message: 'second' });
  expect((await call('tag')).output['tags']).toMatchObject(
    expect.arrayContaining([expect.objectContaining({ name: 'v2', subject: 'second' })]),
  );
  await call('tag', { action: 'delete', name: 'v1' });
  expect((await call('tag')).output['tags']).toHaveLength(1);
});

it('adds work trees that plain git understands, works in them, and removes them', async () => {
  const { call, root, folder } = await open();
  const added = await call('worktree', { action: 'add', path: 'tree', create: 'side' });
  expect(added.output['worktrees']).toEqual([
    { path: 'r', head: 'main' },
    { path: 'tree', head: 'side' },
  ]);
  const tree = join(root, 'tree');
  expect(git(tree, 'status', '--porcelain')).toBe('');
  expect(git(folder, 'worktree', 'list')).toContain(tree);
  writeFileSync(join(tree, 'n.txt'), 'n');
  await call('add', { repo: 'tree', paths: ['.'] });
  expect((await call('commit', { repo: 'tree', message: 'n' })).output['branch']).toBe('side');
  expect((await call('checkout', { repo: 'tree', ref: 'main' })).text).toMatch(/already/);
  expect((await call('worktree', { action: 'remove', path: 'r' })).isError).toBe(true);
  await call('worktree', { action: 'remove', path: 'tree' });
  expect(existsSync(tree)).toBe(false);
});

it('adds a work tree on a branch that there is, and one on none', async () => {
  const { call } = await open();
  await call('branch_create', { name: 'side' });
  await call('worktree', { action: 'add', path: 'tree', ref: 'side' });
  await call('worktree', { action: 'add', path: 'detached' });
  expect((await call('worktree')).output['worktrees']).toEqual([
    { path: 'r', head: 'main' },
    { path: 'detached', head: expect.stringMatching(/^[0-9a-f]{40}$/) },
    { path: 'tree', head: 'side' },
  ]);
});

it('says what it would clean, and cleans when told', async () => {
  const { call, folder } = await open();
  write(folder, { 'x.txt': 'x', 'd/y.txt': 'y', '.drawbridge/secret': 's' });
  expect((await call('clean', { directories: true, ignored: true })).output).toEqual({
    paths: ['d/', 'x.txt'],
    total: 2,
    removed: false,
  });
  expect(existsSync(join(folder, 'x.txt'))).toBe(true);
  await call('clean', { directories: true, ignored: true, dry_run: false });
  expect(existsSync(join(folder, 'x.txt'))).toBe(false);
  expect(existsSync(join(folder, '.drawbridge/secret'))).toBe(true);
});

it('maps languages, entry points and folders', async () => {
  const { call, folder } = await open();
  commitFiles(folder, 'more', {
    'package.json': '{}',
    'src/main.ts': 'main',
    'src/deep/er/x.py': 'x',
    Makefile: 'all:',
  });
  const { output } = await call('map', { depth: 2 });
  expect(output).toMatchObject({
    files: 5,
    entry_points: ['Makefile', 'package.json', 'src/main.ts'],
    folders: [
      { path: 'src', files: 2 },
      { path: 'src/deep', files: 1 },
    ],
  });
  expect((await call('map', { path: 'src/deep' })).output['files']).toBe(1);
});

it('says so when a file would have to pass a program to be staged', async () => {
  const { call, folder } = await open();
  write(folder, { '.gitattributes': '*.big filter=lfs\n', 'x.big': 'big' });
  expect((await call('add', { paths: ['.'] })).text).toContain('"x.big" has the filter "lfs"');
  expect((await call('add', { paths: ['.gitattributes'] })).isError).toBe(false);
});

it('reads a bare repository, and adds a work tree to it', async () => {
  const { call, root, folder } = await open();
  git(root, 'clone', '--quiet', '--bare', folder, 'bare.git');
  const repo = 'bare.git';
  expect((await call('log', { repo })).output['commits']).toMatchObject([{ subject: 'first' }]);
  expect((await call('blame', { repo, path: 'a.txt' })).output['runs']).toHaveLength(1);
  expect((await call('status', { repo })).isError).toBe(true);
  expect((await call('add', { repo, paths: ['.'] })).text).toContain('is bare');
  const added = await call('worktree', { repo, action: 'add', path: 'tree', create: 'side' });
  expect(added.output['worktrees']).toEqual([{ path: 'tree', head: 'side' }]);
  expect((await call('status', { repo: 'tree' })).output).toMatchObject({
    branch: 'side',
    total: 0,
  });
});

it('works with hashes of the other kind', async () => {
  const { call, root } = await openWorkbench();
  git(root, 'init', '--quiet', '--object-format=sha256', '-b', 'main', 'r');
  write(join(root, 'r'), { 'a.txt': 'a\n' });
  await call('add', { repo: 'r', paths: ['.'] });
  const author = { author_name: 'Ann', author_email: 'ann@example.com' };
  const { output } = await call('commit', { repo: 'r', message: 'first', ...author });
  expect(output['head']).toHaveLength(64);
  expect((await call('show', { repo: 'r' })).output['files']).toMatchObject([{ path: 'a.txt' }]);
});
