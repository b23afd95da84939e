import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Issue, issuesOf } from '../../src/settings/issues.ts';
import { type SettingsOptions, loadSettings } from '../../src/settings/settings.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'drawbridge-settings-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function writeConfig(config: unknown) {
  return writeFileSync(
    join(cwd, 'mcp.config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
}
function load(options: Partial<SettingsOptions> = {}) {
  return loadSettings({ env: {}, cwd, ...options });
}
function issues(options: Partial<SettingsOptions> = {}) {
  const byPath = (found: readonly Issue[]) =>
    Object.fromEntries(found.map(({ path, message }) => [path, message]));
  try {
    const found = load(options).issues;
    if (found.length > 0) return byPath(found);
  } catch (error) {
    return byPath(issuesOf(error));
  }
  throw new Error('the settings were accepted');
}
function only(entry: Record<string, unknown>, env: Record<string, string> = {}) {
  writeConfig({ mcpServers: { one: entry } });
  const [upstream] = load({ env }).upstreams;
  if (upstream === undefined) throw new Error('no upstream');
  return upstream;
}

describe('without any settings', () => {
  it('listens on loopback, keeps its home and project in the folder, and uses the shipped file', () => {
    const settings = load();
    expect(settings).toMatchObject({
      host: '127.0.0.1',
      port: 11_100,
      home: join(cwd, '.drawbridge'),
      projects: { default: { roots: [cwd] } },
      defaultProject: 'default',
      ollamaHost: 'http://127.0.0.1:11434',
      retention: { days: 30 },
    });
    expect(settings.databaseUrl).toBeUndefined();
    const filesystem = settings.upstreams.find(({ name }) => name === 'filesystem');
    expect(filesystem).toMatchObject({ builtin: true, transport: { kind: 'stdio' } });
    expect(filesystem?.transport).not.toHaveProperty('cwd');
    expect(settings.toolsets['code']).toContain('filesystem__*');
  });
});

describe('the environment', () => {
  it('gives way to the command line', () => {
    const env = { DRAWBRIDGE_PORT: '1', DRAWBRIDGE_HOST: '127.0.0.2', DRAWBRIDGE_HOME: 'a' };
    expect(load({ env })).toMatchObject({ port: 1, host: '127.0.0.2', home: join(cwd, 'a') });
    expect(load({ env, port: '0', host: '::1', home: '/b' })).toMatchObject({
      port: 0,
      host: '::1',
      home: '/b',
    });
  });

  it('counts an empty variable as unset', () => {
    expect(load({ env: { DATABASE_URL: '', DRAWBRIDGE_PORT: '' } }).port).toBe(11_100);
  });

  it.each([
    ['0.0.0.0:1234', 'http://127.0.0.1:1234'],
    ['models.test', 'http://models.test:11434'],
    ['https://models.test/ollama/', 'https://models.test/ollama'],
  ])('reads OLLAMA_HOST %s as %s', (value, expected) => {
    expect(load({ env: { OLLAMA_HOST: value } }).ollamaHost).toBe(expected);
  });

  it('never repeats a connection URL in an issue, because it may hold a password', () => {
    const found = issues({
      env: { DATABASE_URL: 'mysql://u:hunter2hunter2@db/x', REDIS_URL: 'no' },
    });
    expect(found['DATABASE_URL']).toContain('postgres://');
    expect(found['REDIS_URL']).toContain('redis://');
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  it.each(['65536', '-1', '80a', '1.5', '1e3'])('refuses the port %s', (port) => {
    expect(issues({ port })['DRAWBRIDGE_PORT']).toContain('65535');
  });

  it('refuses a secret that can be guessed', () => {
    expect(issues({ env: { DRAWBRIDGE_SECRET: 'short' } })['DRAWBRIDGE_SECRET']).toContain('32');
  });

  it.each(['0.0.0.0', '::', '192.168.1.2', 'bridge.test', '127.0.0.1.evil.test'])(
    'refuses to listen on %s without consent and says what to do about TLS',
    (host) => {
      expect(issues({ host })['DRAWBRIDGE_HOST']).toMatch(/DRAWBRIDGE_PUBLIC=1.*|TLS/);
      expect(load({ host, env: { DRAWBRIDGE_PUBLIC: '1' } }).host).toBe(host);
    },
  );

  it.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost'])(
    'takes %s for loopback',
    (host) => {
      expect(load({ host }).host).toBe(host);
    },
  );
});

describe('the settings file', () => {
  it('is the one named, else the one in the folder', () => {
    writeConfig({ mcpServers: { own: { command: 'own' } } });
    const other = join(cwd, 'other.json');
    writeFileSync(other, '{"mcpServers":{"named":{"command":"named"}}}');
    expect(load().upstreams.map(({ name }) => name)).toEqual(['own']);
    expect(load({ configPath: 'other.json' })).toMatchObject({
      configPath: other,
      upstreams: [{ name: 'named' }],
    });
  });

  it('must exist when it is named', () => {
    expect(issues({ configPath: 'gone.json' })[join(cwd, 'gone.json')]).toContain('cannot be read');
  });

  it('may hold comments and trailing commas', () => {
    writeConfig('{\n  // mine\n  "mcpServers": { "a": { "command": "x", }, }, /* end */\n}');
    expect(load().upstreams).toHaveLength(1);
  });

  it('says line and column of a syntax error', () => {
    writeConfig('{\n  "mcpServers": {\n    "a": { "command" "x" }\n  }\n}');
    expect(issues()[`${join(cwd, 'mcp.config.json')}:3:22`]).toMatch(/colon expected/);
  });

  it.each([100, 200_000])('refuses %i levels of nesting', (depth) => {
    writeConfig(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    expect(issues()[join(cwd, 'mcp.config.json')]).toContain('64 levels');
  });

  it.each(['[]', '"text"', 'null'])('refuses %s, naming the file', (text) => {
    writeConfig(text);
    expect(Object.keys(issues())).toEqual([join(cwd, 'mcp.config.json')]);
  });

  it('tells every issue at once, each with its path and what is allowed', () => {
    writeConfig({
      mcpServers: {
        both: { command: 'x', url: 'http://127.0.0.1/' },
        neither: { args: [] },
        remote: { type: 'websocket', url: 'http://127.0.0.1/' },
        args: { command: 'x', args: 'not a list' },
        ghost: { command: 'drawbridge', args: ['server', 'ghost'] },
        unset: { command: 'x', env: { TOKEN: '${DRAWBRIDGE_TEST_UNSET}' } },
        bridge: { command: 'x' },
      },
      drawbridge: {
        servers: { both: { timout: '5s', pin: 'loose', idle: '5 minutes' } },
        toolset: {},
      },
    });
    const found = issues();
    expect(found).toMatchObject({
      'mcpServers.both': expect.stringContaining('has both'),
      'mcpServers.neither': expect.stringContaining('neither'),
      'mcpServers.remote.type': expect.stringContaining('"streamable-http"'),
      'mcpServers.args.args': expect.stringContaining('array'),
      'mcpServers.ghost.args.1': expect.stringContaining('filesystem'),
      'mcpServers.unset.env.TOKEN': expect.stringContaining('DRAWBRIDGE_TEST_UNSET'),
      'mcpServers.bridge': expect.stringContaining('another'),
      'drawbridge.servers.both': expect.stringMatching(/"timout".*allowed:.*timeout/),
      'drawbridge.servers.both.pin': expect.stringContaining('"strict"'),
      'drawbridge.servers.both.idle': expect.stringContaining('5m'),
      drawbridge: expect.stringMatching(/"toolset".*allowed:.*toolsets/),
    });
  });

  it.each(['a__b', '-a', 'a b', 'x'.repeat(49)])('refuses the server name "%s"', (name) => {
    writeConfig({ mcpServers: { [name]: { command: 'x' } } });
    expect(issues()[`mcpServers.${name}`]).toBeDefined();
  });

  it('takes a server that is called like a property of every object', () => {
    writeConfig({ mcpServers: { constructor: { command: 'x' } } });
    expect(load().upstreams[0]).toMatchObject({ name: 'constructor', options: { pin: 'trust' } });
  });

  it('names settings for a server that is not there', () => {
    writeConfig({ mcpServers: { a: { command: 'x' } }, drawbridge: { servers: { b: {} } } });
    expect(issues()['drawbridge.servers.b']).toContain('configured: a');
  });

  it('counts relative project roots from the file, and lets the first be the default', () => {
    const folder = join(cwd, 'sub');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'c.json'),
      JSON.stringify({ drawbridge: { projects: { app: { roots: ['.', '../lib'] } } } }),
    );
    expect(load({ configPath: join(folder, 'c.json') })).toMatchObject({
      projects: { app: { roots: [folder, join(cwd, 'lib')] } },
      defaultProject: 'app',
    });
  });

  it('reads times as milliseconds or with a unit', () => {
    writeConfig({
      mcpServers: { a: { command: 'x' } },
      drawbridge: { servers: { a: { timeout: '2m', startTimeout: 1500, idle: '0s' } } },
    });
    expect(load().upstreams[0]?.options).toMatchObject({
      timeout: 120_000,
      startTimeout: 1500,
      idle: 0,
    });
  });
});

describe('a server entry', () => {
  it.each([
    [undefined, 'http-or-sse'],
    ['http', 'http'],
    ['streamable-http', 'http'],
    ['sse', 'sse'],
  ])('of type %s with a url is reached by %s', (type, kind) => {
    const url = 'http://127.0.0.1:1/mcp';
    expect(only({ ...(type && { type }), url }).transport).toEqual({ kind, url, headers: {} });
  });

  it("may be written as VS Code does, with keys of other clients' own", () => {
    writeConfig({
      servers: { a: { type: 'stdio', command: 'x', alwaysAllow: ['y'] } },
      inputs: [],
    });
    expect(load().upstreams[0]).toMatchObject({ name: 'a', transport: { command: 'x' } });
  });

  it('cannot stand under both keys', () => {
    writeConfig({ servers: { a: { command: 'x' } }, mcpServers: { a: { command: 'x' } } });
    expect(issues()['servers.a']).toContain('mcpServers');
  });

  it('fills in variables wherever a client would', () => {
    const env = { BIN: 'node', DIR: '/data', TOKEN: 'tok-123456', HOST: 'api.test', EMPTY: '' };
    const stdio = only(
      {
        command: '${BIN}',
        args: ['${env:DIR}/x', '${MODE:-fast}', '${EMPTY:-full}', '${EMPTY}', '$HOME', '${a'],
        env: { ROOT: '${workspaceFolder}/src' },
        cwd: '${DIR}',
      },
      env,
    );
    expect(stdio.transport).toEqual({
      kind: 'stdio',
      command: 'node',
      args: ['/data/x', 'fast', 'full', '', '$HOME', '${a'],
      env: { ROOT: `${cwd}/src` },
      cwd: '/data',
    });
    const http = only(
      { url: 'https://${HOST}/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } },
      env,
    );
    expect(http.transport).toMatchObject({
      url: 'https://api.test/mcp',
      headers: { Authorization: 'Bearer tok-123456' },
    });
  });

  it.each([
    ['${NOT_SET}', 'NOT_SET'],
    ['${env:NOT_SET}', 'NOT_SET'],
    ['${input:github-token}', '${GITHUB_TOKEN}'],
    ['${command:pick}', '${VAR:-default}'],
    ['${}', '${VAR}'],
  ])('with %s is an issue that says what to do', (text, help) => {
    writeConfig({ mcpServers: { a: { url: 'http://h/', headers: { 'X-Key': text } } } });
    expect(issues()['mcpServers.a.headers.X-Key']).toContain(help);
  });

  it('that is switched off needs none of its variables', () => {
    writeConfig({ mcpServers: { a: { command: 'x', args: ['${NOT_SET}'], disabled: true } } });
    expect(load().upstreams[0]?.options.enabled).toBe(false);
    writeConfig({
      mcpServers: { a: { command: 'x', args: ['${NOT_SET}'] } },
      drawbridge: { servers: { a: { enabled: false } } },
    });
    expect(load().upstreams[0]?.options.enabled).toBe(false);
  });

  it('keeps its fingerprint when a token is renewed, and changes it with the command', () => {
    const entry = { command: 'x', args: ['a'], env: { TOKEN: '${TOKEN}' } };
    const before = only(entry, { TOKEN: 'one-one-one' }).fingerprint;
    expect(only(entry, { TOKEN: 'two-two-two' }).fingerprint).toBe(before);
    expect(only({ ...entry, args: ['b'] }, { TOKEN: 'two' }).fingerprint).not.toBe(before);
    expect(before).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('secret values', () => {
  it('are what came from variables or stands under a secret-looking name, and passwords in URLs', () => {
    writeConfig({
      mcpServers: {
        a: {
          command: 'x',
          args: ['--key', '${API_TOKEN}', '--dir', '${DIR}'],
          env: { PLAIN: 'plain-value', GITHUB_PAT: 'literal-pat', V: '${VAR_ONE}', D: '${DIR}' },
        },
        b: {
          url: 'http://h/?k=${URL_KEY}',
          headers: { Authorization: 'Bearer abcdef123', 'X-Team': 'literal-team' },
        },
      },
    });
    const { secretValues } = load({
      env: {
        API_TOKEN: 'token-in-args',
        DIR: '/some/folder',
        VAR_ONE: 'from-variable',
        URL_KEY: 'key-in-url',
        DATABASE_URL: 'postgres://u:p%40ssword@h/d',
        DRAWBRIDGE_SECRET: 's'.repeat(32),
      },
    });
    expect([...secretValues].sort()).toEqual(
      [
        'token-in-args',
        'literal-pat',
        'from-variable',
        'key-in-url',
        'Bearer abcdef123',
        'abcdef123',
        'p%40ssword',
        'p@ssword',
        's'.repeat(32),
      ].sort(),
    );
  });

  it('leave out values too short to be told from ordinary text', () => {
    writeConfig({ mcpServers: { a: { command: 'x', env: { TOKEN: 'no', KEY: '${K}' } } } });
    expect(load({ env: { K: '1' } }).secretValues).toEqual([]);
  });
});
