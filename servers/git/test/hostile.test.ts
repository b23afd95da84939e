// A repository whose every setting, hook and attribute would run a program runs none, whichever tool is
// used on it (CVE-2026-71963, CVE-2026-72718).
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { toListing } from '@drawbridge/kit';
import { createDefinition } from '../src/server.ts';
import { git, openWorkbench, temporaryFolder } from './harness.ts';
import { makeHostileRepository } from './hostile-repository.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

type Calls = readonly Record<string, unknown>[];

/** For each tool, the calls that reach furthest; each may fail, and none may run a program. */
const calls: Readonly<Record<string, Calls>> = {
  status: [{}, { repo: 'hostile/sub' }],
  diff: [
    {},
    { staged: true },
    { from: 'v1' },
    { from: 'v1', to: 'topic' },
    { paths: ['other.txt', 'sub'] },
  ],
  log: [{}, { ref: 'v1..HEAD' }, { paths: ['file.txt'], follow: true }, { ref: '--output=x' }],
  show: [{}, { ref: 'topic' }, { path: 'other.txt' }, { path: 'sub' }, { ref: '-evil' }],
  blame: [{ path: 'file.txt' }, { path: 'other.txt' }, { path: 'other.txt', ref: 'HEAD' }],
  map: [{}],
  branch_list: [{ remotes: true }],
  branch_create: [{ name: 'made' }, { name: '--upload-pack=x' }, { name: 'made-2', ref: '-evil' }],
  checkout: [
    { paths: ['other.txt', 'plain.txt'] },
    { create: 'made' },
    { ref: 'main' },
    { ref: 'topic' },
    { ref: '-evil' },
    { ref: 'v1', paths: ['.'] },
  ],
  add: [{ paths: ['plain.txt'] }, { paths: ['.'] }, { paths: ['other.txt', 'sub'] }],
  commit: [{ message: 'all', all: true }, { message: 'empty' }, { message: '-m' }],
  reset: [
    { paths: ['plain.txt'] },
    { mode: 'soft', ref: 'v1' },
    { mode: 'hard' },
    { ref: 'topic', mode: 'hard' },
  ],
  stash: [
    { action: 'push', untracked: true, message: '--x' },
    { action: 'list' },
    { action: 'apply' },
    { action: 'pop' },
    { action: 'drop' },
  ],
  merge: [{ ref: 'topic' }, { action: 'abort' }],
  rebase: [{ ref: 'topic' }, { action: 'skip' }, { action: 'abort' }],
  cherry_pick: [{ refs: ['topic'] }, { action: 'continue' }, { action: 'abort' }],
  tag: [
    {},
    { action: 'create', name: 'a', message: 'text' },
    { action: 'create', name: 'b' },
    { action: 'delete', name: 'a' },
    { action: 'create', name: '-x' },
  ],
  worktree: [
    {},
    { action: 'add', path: 'tree', create: 'tree' },
    { action: 'remove', path: 'tree' },
  ],
  init: [{ path: 'hostile/new-repository' }, { path: 'hostile' }],
  clone: [
    { url: 'ext::sh -c true', path: 'c' },
    { url: 'file:///etc', path: 'c' },
    { url: '--upload-pack=x', path: 'c' },
    { url: 'https://127.0.0.1:9/x', path: 'hostile/c' },
  ],
  fetch: [
    {},
    { remote: 'local' },
    { remote: 'web' },
    { remote: '--upload-pack=x' },
    { remote: 'ext::sh' },
  ],
  pull: [{}, { remote: 'local', branch: 'main', mode: 'rebase' }],
  push: [
    {},
    { remote: 'local', branch: 'main', force_with_lease: true },
    { remote: 'web', tag: 'v1' },
  ],
  remote_list: [{}],
  reflog: [{}, { ref: 'topic' }, { ref: '-evil' }],
  clean: [{}, { dry_run: false, directories: true, ignored: true }],
};
/** Tools that need files without changes in the way. */
const wantsCleanTree = new Set(['merge', 'rebase', 'cherry_pick', 'checkout']);

const tools = toListing(createDefinition({})).tools.map(({ name }) => name);

describe.each(tools)('%s', (tool) => {
  it('runs nothing that the repository names', async () => {
    const { base, call, root } = await openWorkbench();
    const { folder, witnesses } = makeHostileRepository(base);
    if (wantsCleanTree.has(tool)) {
      await call('stash', { repo: 'hostile', action: 'push', untracked: true });
    }
    if (tool === 'commit') await call('add', { repo: 'hostile', paths: ['plain.txt'] });
    const wanted = calls[tool];
    expect(wanted, `${tool} is not tried`).toBeDefined();
    const answers = [];
    for (const args of wanted ?? []) {
      const target = tool === 'init' || tool === 'clone' ? args : { repo: 'hostile', ...args };
      answers.push(await call(tool, target));
      expect(witnesses(), `${tool} ${JSON.stringify(args)} in ${folder}`).toEqual([]);
    }
    // At least one got far enough to say something of the repository.
    const isRemote = ['clone', 'fetch', 'pull', 'push'].includes(tool);
    expect(isRemote || answers.some(({ isError }) => !isError)).toBe(true);
    expect(answers.every(({ text }) => !text.includes('issue in the server'))).toBe(true);
    expect(root).toBeTruthy();
  });
});

it('plain git runs what the fixture names, so that the tests above can fail', () => {
  const base = temporaryFolder();
  mkdirSync(join(base, 'root'));
  const { folder, witnesses } = makeHostileRepository(base);
  const attempt = (...args: string[]): void => {
    try {
      git(folder, ...args);
    } catch (error) {
      // What ran counts, not how it ended.
      if (!(error instanceof Error && 'status' in error)) throw error;
    }
  };
  attempt('status');
  attempt('diff');
  attempt('log', '-p', '--no-ext-diff', '-3');
  attempt('add', 'other.txt');
  attempt('commit', '-m', 'x');
  attempt('checkout', 'v1', '--', 'other.txt');
  attempt('reset', '--hard');
  attempt('merge', 'topic');
  attempt('fetch', 'origin');
  expect(witnesses()).toEqual(
    expect.arrayContaining([
      'clean', 'diff-external', 'ext-url', 'hook-pre-commit', 'hook-post-commit',
      'merge-driver', 'smudge', 'sub-clean', 'sub-fsmonitor', 'textconv', 'worktree-settings',
    ]),
  ); // prettier-ignore
  expect(execFileSync('git', ['--version']).toString()).toContain('git version');
});
