// Remotes over real HTTP, through the guard's proxy, with the operator's credentials.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commitFiles, git, makeRepository, openWorkbench, temporaryFolder } from './harness.ts';
import { makeBare, startGitServer } from './remote.ts';

const SECRET = 'pa55-w0rd-of-the-operator';

async function openWithRemote({
  password,
  env = {},
}: { password?: string; env?: NodeJS.ProcessEnv } = {}) {
  const folder = temporaryFolder();
  const source = makeRepository(join(folder, 'source'), { 'a.txt': 'one\n' });
  const bare = makeBare(folder, 'project.git', source);
  const server = await startGitServer(folder, password === undefined ? {} : { password });
  const bench = await openWorkbench({
    env: () => ({
      DRAWBRIDGE_ALLOW_HOSTS: server.host,
      GIT_AUTHOR_NAME: 'Op',
      GIT_AUTHOR_EMAIL: 'op@example.com',
      ...(password !== undefined && {
        DRAWBRIDGE_GIT_CREDENTIALS: JSON.stringify({ [server.host]: { username: 'me', password } }),
      }),
      ...env,
    }),
  });
  return { ...bench, source, bare, server, url: `http://${server.host}/project.git` };
}

it('clones, fetches, pulls and pushes', async () => {
  const { call, root, bare, url, source } = await openWithRemote();
  const cloned = await call('clone', { url, path: 'project' });
  expect(cloned.text).toContain('Cloned to project. main at');
  expect(readFileSync(join(root, 'project/a.txt'), 'utf8')).toBe('one\n');

  commitFiles(source, 'second', { 'a.txt': 'two\n' });
  git(source, 'push', '--quiet', bare, 'main');
  const fetched = await call('fetch', { repo: 'project' });
  expect(fetched.output['changed']).toEqual([expect.stringContaining('main -> origin/main')]);
  expect((await call('status', { repo: 'project' })).output).toMatchObject({
    upstream: 'origin/main',
    ahead: 0,
    behind: 1,
  });
  expect((await call('pull', { repo: 'project' })).isError).toBe(false);
  expect(readFileSync(join(root, 'project/a.txt'), 'utf8')).toBe('two\n');

  await call('checkout', { repo: 'project', create: 'feature' });
  writeFileSync(join(root, 'project/b.txt'), 'b\n');
  await call('add', { repo: 'project', paths: ['b.txt'] });
  await call('commit', { repo: 'project', message: 'b' });
  const pushed = await call('push', { repo: 'project', set_upstream: true });
  expect(pushed.text).toContain('refs/heads/feature:refs/heads/feature [new branch]');
  expect(git(bare, 'log', '--format=%s', 'feature')).toContain('b');
  expect((await call('status', { repo: 'project' })).output).toMatchObject({
    upstream: 'origin/feature',
  });
});

it('pushes over what is there only with a lease, and only if it is what was fetched last', async () => {
  const { call, root, bare, url, source } = await openWithRemote();
  await call('clone', { url, path: 'project' });
  const repo = join(root, 'project');
  writeFileSync(join(repo, 'a.txt'), 'mine\n');
  await call('commit', { repo: 'project', message: 'mine', all: true });
  commitFiles(source, 'theirs', { 'a.txt': 'theirs\n' });
  git(source, 'push', '--quiet', bare, 'main');
  const refused = await call('push', { repo: 'project' });
  expect(refused.text).toContain('The remote has what this branch has not.');
  const leased = await call('push', { repo: 'project', force_with_lease: true });
  expect(leased.text).toContain('The remote has what this branch has not.');
  await call('fetch', { repo: 'project' });
  const forced = await call('push', { repo: 'project', force_with_lease: true });
  expect(forced.isError).toBe(false);
  expect(git(bare, 'log', '-1', '--format=%s', 'main').trim()).toBe('mine');
});

it('answers the conflict of a pull as data', async () => {
  const { call, root, bare, url, source } = await openWithRemote();
  await call('clone', { url, path: 'project' });
  writeFileSync(join(root, 'project/a.txt'), 'mine\n');
  await call('commit', { repo: 'project', message: 'mine', all: true });
  commitFiles(source, 'theirs', { 'a.txt': 'theirs\n' });
  git(source, 'push', '--quiet', bare, 'main');
  expect((await call('pull', { repo: 'project' })).text).toContain('gone apart');
  const { output } = await call('pull', { repo: 'project', mode: 'rebase' });
  expect(output['conflicts']).toEqual([
    {
      path: 'a.txt',
      kind: 'both_changed',
      hunks: [{ line: 1, ours: 'theirs', base: 'one', theirs: 'mine' }],
    },
  ]);
  expect((await call('rebase', { repo: 'project', action: 'abort' })).isError).toBe(false);
});

describe('credentials', () => {
  it('are given to their host, and are in no answer, file or argument', async () => {
    const { call, root, base, server, url } = await openWithRemote({ password: SECRET });
    const cloned = await call('clone', { url, path: 'project' });
    expect(cloned.isError).toBe(false);
    expect(server.requests.some(({ authorization }) => authorization !== undefined)).toBe(true);
    expect(cloned.text).not.toContain(SECRET);
    expect(readFileSync(join(root, 'project/.git/config'), 'utf8')).not.toContain(SECRET);
    expect(readFileSync(join(base, 'state/ask.sh'), 'utf8')).not.toContain(SECRET);
  });

  it('are given to no other host', async () => {
    const { call, server, url } = await openWithRemote({
      password: SECRET,
      env: {
        DRAWBRIDGE_GIT_CREDENTIALS: JSON.stringify({
          'other.example': { username: 'me', password: SECRET },
        }),
      },
    });
    const { text } = await call('clone', { url, path: 'project' });
    expect(text).toContain('The remote asks for credentials');
    expect(server.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('in addresses are neither used nor shown', async () => {
    const { call, root, server } = await openWithRemote();
    makeRepository(join(root, 'r'), { 'a.txt': 'a\n' });
    git(
      join(root, 'r'),
      'remote',
      'add',
      'origin',
      `http://me:${SECRET}@${server.host}/project.git`,
    );
    expect((await call('remote_list', { repo: 'r' })).output).toEqual({
      remotes: [{ name: 'origin', url: `http://${server.host}/project.git` }],
    });
    expect((await call('fetch', { repo: 'r' })).isError).toBe(false);
    expect(server.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('come from a file only if nobody else can read it, and are not quoted when they are wrong', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'credentials.json');
    writeFileSync(file, `{"127.0.0.1": "${SECRET}"}`);
    chmodSync(file, 0o644);
    const open = await openWithRemote({ env: { DRAWBRIDGE_GIT_CREDENTIALS: file } });
    const clone = () => open.call('clone', { url: open.url, path: 'p' });
    expect((await clone()).text).toContain('can be read by others');
    chmodSync(file, 0o600);
    const { text } = await clone();
    expect(text).toContain('DRAWBRIDGE_GIT_CREDENTIALS is not as it has to be.');
    expect(text).not.toContain(SECRET);
  });
});

it.each([
  [
    'a private host that nobody allowed',
    (url: string) => url.replace('http:', 'https:'),
    'is not a public address',
  ],
  ['plain http to a host that nobody named', () => 'http://example.com/x.git', 'Plain http'],
  [
    'ssh to a host that nobody named',
    () => 'git@example.com:x/y.git',
    'ssh to example.com is not allowed',
  ],
  ['a path', () => '/etc', "not a remote's address"],
  ['a file', () => 'file:///etc', "not a remote's address"],
  ['a helper', () => 'ext::sh -c touch% x', "not a remote's address"],
  ['an option', () => '--upload-pack=touch', "not a remote's address"],
  ['ssh with an option as host', () => 'ssh://-oProxyCommand=x/y', "not a remote's address"],
])('refuses %s, and leaves no folder', async (_what, toUrl, words) => {
  const { call, root, url, server } = await openWithRemote({ env: { DRAWBRIDGE_ALLOW_HOSTS: '' } });
  const { text, isError } = await call('clone', { url: toUrl(url), path: 'new' });
  expect(isError).toBe(true);
  expect(text).toMatch(new RegExp(words));
  expect(server.requests).toEqual([]);
  expect(existsSync(join(root, 'new'))).toBe(false);
});

it('leaves a folder empty that was there when a clone fails', async () => {
  const { call, root, url } = await openWithRemote();
  mkdirSync(join(root, 'there'));
  const { isError } = await call('clone', { url: `${url}-missing`, path: 'there' });
  expect(isError).toBe(true);
  expect(existsSync(join(root, 'there/.git'))).toBe(false);
  expect(existsSync(join(root, 'there'))).toBe(true);
});
