import { describe, expect, it } from 'vitest';
import {
  assertDate,
  assertRefName,
  assertRemoteName,
  assertRevision,
  parseRemoteUrl,
  redact,
} from '../src/index.ts';
import { keepHarmless, parseListing, toSettingsText } from '../src/own-settings.ts';

describe('revisions', () => {
  it.each([
    'HEAD',
    'main',
    'a/b',
    'HEAD~2^2',
    'stash@{0}',
    'v1.0',
    'main@{1 day}'.replace(' ', '-'),
    'a'.repeat(256),
  ])('takes %s', (text) => expect(assertRevision(text)).toBe(text));
  it.each([
    '',
    '-x',
    '--all',
    'a b',
    'a..b',
    'a...b',
    'HEAD^{/x}',
    ':/x',
    'a\0',
    'a\n',
    'a*',
    'a?',
    'a[',
    'a'.repeat(257),
    'main@{',
  ])('refuses %j', (text) => {
    expect(() => assertRevision(text)).toThrow(/revision|characters/);
  });
});

describe('names of branches and tags', () => {
  it.each(['main', 'feature/login', 'v1.2.3', 'ü'])('takes %s', (text) =>
    expect(assertRefName(text)).toBe(text),
  );
  it.each([
    '-x',
    'HEAD',
    '@',
    'a..b',
    'a.lock',
    'a.lock/b',
    '.a',
    'a/.b',
    'a//b',
    '/a',
    'a/',
    'a.',
    'a~1',
    'a^',
    'a:b',
    'a@{b',
    'a b',
    'a\x7f',
    'a\\b',
  ])('refuses %j', (text) => expect(() => assertRefName(text)).toThrow(/name/));
});

it.each(['-x', 'ext::sh', '../x', '/etc', 'a b', 'https://x', ''])(
  'refuses the remote %j',
  (text) => {
    expect(() => assertRemoteName(text)).toThrow(/remote/);
  },
);
it.each(['--all', '-1 day', '$(x)', 'a\nb', ''])('refuses the date %j', (text) => {
  expect(() => assertDate(text)).toThrow(/date/);
});
it.each(['2026-01-31', '2 weeks ago', '2026-01-31T10:00:00Z', '2026-01-31 10:00 +0100'])(
  'takes the date %j',
  (text) => {
    expect(assertDate(text)).toBe(text);
  },
);

describe('addresses of remotes', () => {
  it.each([
    ['https://example.com/a.git', 'https://example.com/a.git', 'https'],
    ['https://me:secret@example.com:8443/a.git', 'https://example.com:8443/a.git', 'https'],
    ['git@example.com:a/b.git', 'ssh://git@example.com/a/b.git', 'ssh'],
    ['ssh://git@example.com:22/a/b.git', 'ssh://git@example.com:22/a/b.git', 'ssh'],
    ['http://example.com/a', 'http://example.com/a', 'http'],
  ])('reads %s', (given, url, protocol) => {
    expect(parseRemoteUrl(given)).toMatchObject({ url, protocol });
  });
  it.each([
    '',
    '-x',
    '/etc',
    '../x',
    'file:///etc',
    'ext::sh -c x',
    'git://example.com/x',
    'https:///x',
    'ssh://-oProxyCommand=x/y',
    '-oProxyCommand=x:y',
    'git@example.com:-x',
    'https://a b/',
    'https://a/\n',
    'fd::3',
    'C:\\x',
  ])('refuses %j', (given) =>
    expect(() => parseRemoteUrl(given)).toThrow(/not a remote's address/),
  );
});

it('takes secrets out of addresses, and those it knows', () => {
  expect(redact('fatal: https://me:pass@host/x and ssh://git@h/x; token-1', ['token-1'])).toBe(
    'fatal: https://***@host/x and ssh://***@h/x; ***',
  );
});

describe('settings of a repository', () => {
  const keep = (entries: Record<string, string>) =>
    keepHarmless(Object.entries(entries).map(([key, value]) => ({ key, value }))).map(
      ({ key }) => key,
    );

  it('keeps those that are known to be harmless, and no others', () => {
    expect(
      keep({
        'core.autocrlf': 'true',
        'user.name': 'x',
        'branch.main.remote': 'origin',
        'core.fsmonitor': 'x',
        'core.worktree': '/',
        'filter.a.b.clean': 'x',
        'some.later.setting': 'x',
        'include.path': 'x',
        'alias.x': '!x',
        'url.x.insteadof': 'y',
        'branch.main.mergeoptions': '-s x',
        'remote.o.uploadpack': 'x',
        'remote.o.proxy': 'x',
        'branch.x.remote': '../elsewhere',
      }),
    ).toEqual(['core.autocrlf', 'user.name', 'branch.main.remote']);
  });

  it('keeps addresses without secrets, and references of that remote alone', () => {
    const settings = keepHarmless([
      { key: 'remote.o.url', value: 'https://me:pass@h/x' },
      { key: 'remote.o.url', value: 'ext::sh -c x' },
      { key: 'remote.o.fetch', value: '+refs/heads/*:refs/remotes/o/*' },
      { key: 'remote.o.fetch', value: '+refs/heads/*:refs/heads/*' },
    ]);
    expect(settings.map(({ value }) => value)).toEqual([
      'https://h/x',
      '+refs/heads/*:refs/remotes/o/*',
    ]);
  });

  it('refuses a format that it does not know', () => {
    expect(() => keep({ 'extensions.refstorage': 'reftable' })).toThrow('extensions.refstorage');
    expect(
      keep({ 'extensions.worktreeconfig': 'true', 'extensions.objectformat': 'sha256' }),
    ).toEqual(['extensions.objectformat']);
  });

  it('writes what cannot be read as something else', () => {
    expect(
      toSettingsText([{ key: 'branch.a"]\\b.description', value: 'x"\n[core]\tfsmonitor = y\\' }]),
    ).toBe('[branch "a\\"]\\\\b"]\n\tdescription = "x\\"\\n[core]\\tfsmonitor = y\\\\"\n');
    expect(parseListing('a.b\nvalue\nmore\0c.d\0')).toEqual([
      { key: 'a.b', value: 'value\nmore' },
      { key: 'c.d', value: 'true' },
    ]);
  });
});
