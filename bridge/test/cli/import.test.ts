import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type RunOptions, createFolder, runCommand } from './terminal-fixture.ts';

const SECRET = 'ghp_0123456789abcdefghijABCDEFGHIJ0123';

/** A folder with files in it; also the home of whoever runs the command. */
function createProject(files: Record<string, unknown>): string {
  const cwd = createFolder();
  for (const [name, content] of Object.entries({ 'mcp.config.json': {}, ...files })) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return cwd;
}

function run(cwd: string, argv: readonly string[], env: RunOptions['env'] = {}) {
  return runCommand(['import', ...argv], { cwd, env: { HOME: join(cwd, 'me'), ...env } });
}

function written(cwd: string): { mcpServers: Record<string, unknown> } {
  return JSON.parse(readFileSync(join(cwd, 'mcp.config.json'), 'utf8'));
}

test('without files or --from it lists what there is, and writes nothing', async () => {
  const cwd = createProject({
    '.mcp.json': { mcpServers: { a: { command: 'x' } } },
    'me/.cursor/mcp.json': { mcpServers: { b: { command: 'y' }, c: { url: 'https://c.test' } } },
    'me/.config/Code/User/mcp.json': { servers: {} },
  });
  const { code, stdout, stderr } = await run(cwd, []);
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
    ['claude-code', join(cwd, '.mcp.json'), 'a'],
    ['cursor', join(cwd, 'me/.cursor/mcp.json'), 'b, c'],
    ['vscode', join(cwd, 'me/.config/Code/User/mcp.json'), 'no servers'],
    [''],
  ]);
  expect(stderr).toContain('--from claude-code');
  expect(written(cwd)).toEqual({});
  expect((await run(createProject({}), [])).stdout).toContain('No files');
});

test('each client’s servers are found where it keeps them', async () => {
  const cwd = createProject({
    'me/.config/Claude/claude_desktop_config.json': { mcpServers: { desktop: { command: 'd' } } },
    '.mcp.json': { mcpServers: { project: { command: 'p' } } },
    'me/.claude.json': {
      numStartups: 3,
      mcpServers: { user: { type: 'http', url: 'https://u.test/mcp' } },
      projects: {
        '/elsewhere': { mcpServers: { other: { command: 'o', args: ['./s.js'] } } },
        '/x': {},
      },
    },
    '.cursor/mcp.json': '{ // mine\n "mcpServers": { "cursor": { "command": "c" }, } }',
    '.vscode/mcp.json': { servers: { code: { type: 'stdio', command: 'v' } } },
  });
  const all = ['--from', 'claude-desktop', 'claude-code', 'cursor', 'vscode'];
  expect(await run(cwd, all)).toMatchObject({ code: 0 });
  expect(written(cwd).mcpServers).toEqual({
    desktop: { command: 'd' },
    project: { command: 'p' },
    user: { type: 'http', url: 'https://u.test/mcp' },
    other: { command: 'o', args: ['./s.js'], cwd: '/elsewhere' },
    cursor: { command: 'c' },
    code: { type: 'stdio', command: 'v' },
  });
});

test('the settings keep their comments, and what is configured stays without --replace', async () => {
  const before = `{
  // my servers
  "mcpServers": {
    "a": { "command": "mine" } // the first
  }
}
`;
  const cwd = createProject({
    'mcp.config.json': before,
    'theirs.json': { mcpServers: { a: { command: 'theirs' }, b: { command: 'b' } } },
  });
  const dry = await run(cwd, ['theirs.json', '--dry-run']);
  expect(dry.stdout).toContain('configured already');
  expect(readFileSync(join(cwd, 'mcp.config.json'), 'utf8')).toBe(before);
  await run(cwd, ['theirs.json']);
  const after = readFileSync(join(cwd, 'mcp.config.json'), 'utf8');
  expect(after).toContain('// my servers');
  expect(after).toContain('"a": { "command": "mine" }, // the first');
  expect(after).toContain('"b"');
  expect((await run(cwd, ['theirs.json'])).stdout).toContain('b  is there already');
  await run(cwd, ['theirs.json', '--replace']);
  expect(readFileSync(join(cwd, 'mcp.config.json'), 'utf8')).toContain('"theirs"');
});

test('a secret in plain text becomes a variable, and is never printed', async () => {
  const cwd = createProject({
    'theirs.json': {
      mcpServers: {
        github: { command: 'x', env: { GITHUB_TOKEN: SECRET, LOG: 'debug' } },
        web: {
          url: `https://w.test/mcp?api_key=abcdef123`,
          headers: { Authorization: `Bearer ${SECRET}` },
        },
        args: {
          command: 'x',
          args: [
            '--token',
            'abcdefgh',
            `--key=${SECRET}`,
            'postgres://u:pass1234@h/db',
            '--verbose',
          ],
        },
        again: { command: 'y', env: { GITHUB_TOKEN: 'another-secret' } },
      },
    },
  });
  const { code, stdout, stderr } = await run(cwd, ['theirs.json']);
  expect(code).toBe(0);
  for (const secret of [SECRET, 'abcdef123', 'abcdefgh', 'pass1234', 'another-secret']) {
    expect(stdout + stderr).not.toContain(secret);
    expect(JSON.stringify(written(cwd))).not.toContain(secret);
  }
  expect(written(cwd).mcpServers).toEqual({
    github: { command: 'x', env: { GITHUB_TOKEN: '${GITHUB_TOKEN}', LOG: 'debug' } },
    web: {
      url: 'https://w.test/mcp?api_key=${WEB_API_KEY}',
      headers: { Authorization: 'Bearer ${WEB_AUTHORIZATION}' },
    },
    args: {
      command: 'x',
      args: [
        '--token',
        '${ARGS_TOKEN}',
        '--key=${ARGS_KEY}',
        'postgres://u:${ARGS_PASSWORD}@h/db',
        '--verbose',
      ],
    },
    again: { command: 'y', env: { GITHUB_TOKEN: '${AGAIN_GITHUB_TOKEN}' } },
  });
  expect(stdout).toMatch(/Set these variables[^]*GITHUB_TOKEN +github/);
});

test('a variable that already holds the secret is used and needs no setting', async () => {
  const file = { mcpServers: { a: { command: 'x', env: { A_TOKEN: SECRET } } } };
  const cwd = createProject({ 'theirs.json': file });
  const { stdout } = await run(cwd, ['theirs.json'], { A_TOKEN: SECRET });
  expect(stdout).not.toContain('Set this');
  const other = createProject({ 'theirs.json': file });
  await run(other, ['theirs.json'], { A_TOKEN: 'something else' });
  expect(JSON.stringify(written(other))).toContain('${A_A_TOKEN}');
});

test('--keep-secrets copies them with a warning, and still prints none', async () => {
  const cwd = createProject({
    'theirs.json': { mcpServers: { a: { command: 'x', env: { A_TOKEN: SECRET } } } },
  });
  const ran = await run(cwd, ['theirs.json', '--keep-secrets']);
  expect(ran.stdout).toContain('env.A_TOKEN holds a secret in plain text');
  expect(JSON.stringify(written(cwd))).toContain(SECRET);
  const asJson = await run(cwd, ['theirs.json', '--keep-secrets', '--replace', '--json']);
  expect(ran.stdout + ran.stderr + asJson.stdout + asJson.stderr).not.toContain(SECRET);
});

test('variables of clients are turned into ours, and VS Code’s questions into variables to set', async () => {
  const cwd = createProject({
    '.vscode/mcp.json': {
      inputs: [
        { id: 'api-key', type: 'promptString', description: 'Key of the service', password: true },
        { id: 'region', type: 'pickString', default: 'eu' },
      ],
      servers: {
        a: {
          type: 'http',
          url: '${env:BASE}/mcp',
          headers: { 'X-Key': '${input:api-key}', 'X-Region': '${input:region}' },
        },
        b: {
          command: '${userHome}${/}b',
          args: ['${workspaceFolder}', 5, '${A:-x}'],
          env: { N: 1, O: null },
        },
      },
    },
  });
  const { stdout } = await run(cwd, ['--from', 'vscode']);
  expect(written(cwd).mcpServers).toEqual({
    a: {
      type: 'http',
      url: '${env:BASE}/mcp',
      headers: { 'X-Key': '${API_KEY}', 'X-Region': '${REGION:-eu}' },
    },
    b: { command: '${HOME}/b', args: ['${workspaceFolder}', '5', '${A:-x}'], env: { N: '1' } },
  });
  expect(stdout).toMatch(/API_KEY +a +VS Code asks for it: Key of the service/);
  expect(stdout).toMatch(/BASE +a /);
});

test('what cannot be taken over is named with its reason', async () => {
  const cwd = createProject({
    'theirs.json': {
      mcpServers: {
        config: { command: '${config:x.path}' },
        socket: { type: 'ws', url: 'ws://h' },
        nothing: {},
        wrong: { url: 'ftp://h' },
        'My Server!': { command: 'x', envFile: '.env', alwaysAllow: ['t'] },
        self: { command: 'npx', args: ['-y', 'drawbridge', 'stdio'] },
        here: { url: 'http://127.0.0.1:11100/mcp/code' },
        remote: { command: 'npx', args: ['mcp-remote', 'http://localhost:11100/mcp'] },
        key: { url: 'https://b.test/mcp', headers: { Authorization: 'Bearer dbk_x' } },
        files: { command: 'drawbridge', args: ['server', 'filesystem'] },
      },
    },
  });
  const { code, stdout } = await run(cwd, ['theirs.json', '--json']);
  expect(code).toBe(0);
  const { skipped, taken } = JSON.parse(stdout) as {
    skipped: { name: string; reason: string }[];
    taken: { name: string; notes: string[] }[];
  };
  expect(Object.fromEntries(skipped.map(({ name, reason }) => [name, reason]))).toEqual({
    config: '${config:x.path} has no meaning outside of its client',
    socket: expect.stringContaining('"ws"'),
    nothing: expect.stringContaining('a command or a url'),
    wrong: expect.stringContaining('url'),
    self: 'is Drawbridge itself',
    here: 'is Drawbridge itself',
    remote: 'is Drawbridge itself',
    key: 'is Drawbridge itself',
  });
  expect(taken).toMatchObject([
    {
      name: 'My-Server-',
      notes: [
        expect.stringContaining('called'),
        expect.stringContaining('envFile'),
        expect.stringContaining('"alwaysAllow"'),
      ],
    },
    { name: 'files', notes: [] },
  ]);
});

test('of two servers of one name the first is taken', async () => {
  const cwd = createProject({
    'a.json': { mcpServers: { s: { command: 'a' }, same: { command: 'x' } } },
    'b.json': { mcpServers: { s: { command: 'b' }, same: { command: 'x' } } },
  });
  const { stdout } = await run(cwd, ['a.json', 'b.json']);
  expect(written(cwd).mcpServers).toMatchObject({ s: { command: 'a' } });
  expect(stdout).toContain('another server of this name');
  expect(stdout).toContain('is the same as in');
});

test('a file that is none is refused', async () => {
  const cwd = createProject({ 'bad.json': '{ "mcpServers": ', 'list.json': [], 'empty.json': {} });
  for (const [file, words] of [
    ['bad.json', 'is not JSON'],
    ['list.json', 'not a file of servers'],
    ['empty.json', 'no servers'],
    ['missing.json', 'cannot be read'],
  ] as const) {
    expect(await run(cwd, [file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words),
    });
  }
  expect((await run(cwd, ['--from', 'emacs'])).code).toBe(2);
});
