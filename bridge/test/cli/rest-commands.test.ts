import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Answer,
  type HttpFixture,
  createHttpFixture,
  sendJson,
} from '../stdio-proxy/http-fixture.ts';
import { type Ran, type RunOptions, runCommand } from './terminal-fixture.ts';

async function ask(
  answer: Answer,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Ran & { asked: HttpFixture['asked'] }> {
  const http = await createHttpFixture(answer);
  onTestFinished(http.close);
  const env = { DRAWBRIDGE_URL: http.url, DRAWBRIDGE_TOKEN: 'the-key', ...options.env };
  return { ...(await runCommand(argv, { ...options, env })), asked: http.asked };
}

function answerOf(outcome: string, result: unknown) {
  return {
    callId: 'c1',
    runId: 'r1',
    outcome,
    result,
  };
}
function text(value: string) {
  return { content: [{ type: 'text', text: value }] };
}
function answers(body: unknown, status = 200): Answer {
  return (_asked, response) => sendJson(response, body, { status });
}

describe('drawbridge call', () => {
  it('sends texts and JSON as arguments and prints the text of the result', async () => {
    const ran = await ask(answers(answerOf('result', text('hello'))), [
      'call',
      'git__log',
      'path=a=b',
      'limit:=10',
      'deep:={"x":[1]}',
      'empty=',
    ]);
    expect(ran).toMatchObject({ code: 0, stdout: 'hello\n', stderr: '' });
    expect(ran.asked).toMatchObject([
      {
        method: 'POST',
        path: '/v1/tools/git__log/call',
        headers: { authorization: 'Bearer the-key' },
        body: { arguments: { path: 'a=b', limit: 10, deep: { x: [1] }, empty: '' } },
      },
    ]);
  });

  it('takes all arguments as one object, from stdin too, with single ones over it', async () => {
    const ran = await ask(
      answers(answerOf('result', text('x'))),
      ['call', 't', '--args', '-', 'a=2'],
      { stdin: '{"a":1,"b":3}' },
    );
    expect(ran.asked[0]?.body).toEqual({ arguments: { a: '2', b: 3 } });
  });

  it('exits with 1 and keeps stdout clean when the tool itself fails', async () => {
    const ran = await ask(answers(answerOf('tool_error', text('no such file'))), ['call', 't']);
    expect(ran).toMatchObject({ code: 1, stdout: '', stderr: 'no such file\n' });
  });

  it('exits with 1 and says the problem when the call fails', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Gateway Timeout',
      status: 504,
      detail: 'git did not answer in 60 s.',
      code: 'upstream/timeout',
      requestId: 'q1',
    };
    const ran = await ask(answers(problem, 504), ['call', 't']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('git did not answer in 60 s.');
    const asJson = await ask(answers(problem, 504), ['call', 't', '--json']);
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: { message: problem.detail, details: { code: 'upstream/timeout', requestId: 'q1' } },
    });
  });

  it('prints the whole answer with --json, whatever its outcome', async () => {
    const answer = answerOf('tool_error', text('no'));
    const ran = await ask(answers(answer), ['call', 't', '--json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toEqual(answer);
  });

  it('names content that is no text', async () => {
    const image = { type: 'image', mimeType: 'image/png', data: 'AAAA' };
    const ran = await ask(answers(answerOf('result', { content: [image] })), ['call', 't']);
    expect(ran.stdout).toBe('[image image/png, 3 bytes; --json shows it]\n');
  });

  it.each([['noequals'], ['=x'], ['a:={'], ['--args', '[1]'], ['--args', '{']])(
    'exits with 2 for the arguments %j',
    async (...args) => {
      const ran = await ask(answers({}), ['call', 't', ...args]);
      expect(ran.code).toBe(2);
      expect(ran.asked).toEqual([]);
    },
  );
});

describe('drawbridge tools', () => {
  const pages: Answer = ({ path }, response) => {
    const first = !path.includes('cursor=');
    const tool = {
      name: first ? 'a__one' : 'a__two',
      server: 'a',
      description: 'Does it.\nAt length.',
      inputSchema: {
        type: 'object',
        properties: { path: { type: 'string', description: 'Where.' }, n: { enum: ['x', 'y'] } },
        required: ['path'],
      },
    };
    sendJson(response, { tools: [tool], ...(first && { nextCursor: 'a__one' }) });
  };

  it('reads every page, one line a tool', async () => {
    const ran = await ask(pages, ['tools', 'read', 'file', '--server', 'a']);
    expect(ran.stdout).toBe('a__one  Does it.\na__two  Does it.\n');
    expect(ran.asked[0]?.path).toBe('/v1/tools?q=read+file&server=a&limit=200');
  });

  it('shows arguments with --long', async () => {
    const ran = await ask(pages, ['tools', '--long']);
    expect(ran.stdout).toContain(
      'a__one\n  Does it.\n  At length.\n    path*  string  Where.\n    n      x|y\n',
    );
  });

  it('prints an array with --json, also of nothing', async () => {
    const ran = await ask(answers({ tools: [] }), ['tools', '--json']);
    expect(JSON.parse(ran.stdout)).toEqual([]);
  });
});

describe('the servers', () => {
  const server = {
    name: 'git',
    state: 'broken',
    builtin: true,
    transport: 'stdio',
    pids: [],
    restarts: 3,
    withheldCount: 0,
    notes: [],
    inFlight: 0,
    toolCount: 28,
    lastError: 'it exited with 1\u001b[31m\nmore',
  };

  it('are listed with state and issue, without control characters of theirs', async () => {
    const ran = await ask(answers({ servers: [server] }), ['servers']);
    expect(ran.stdout).toBe('git  broken  stdio  28 tools  it exited with 1\ufffd[31m\n');
  });

  it('are restarted by name', async () => {
    const ran = await ask(answers({ ...server, state: 'ready' }), ['restart', 'g/t']);
    expect(ran.asked[0]).toMatchObject({ method: 'POST', path: '/v1/servers/g%2Ft/restart' });
    expect(ran.stdout).toBe('g/t was restarted: ready.\n');
  });

  it('have their last lines shown', async () => {
    const ran = await ask(answers({ lines: ['one', 'two', 'three'] }), ['logs', 'git', '-n', '2']);
    expect(ran.stdout).toBe('two\nthree\n');
  });
});

describe('drawbridge token', () => {
  it('makes a key with an end and prints only the key on stdout', async () => {
    const before = Date.now();
    const ran = await ask(answers({ id: 'k1', key: 'db_secret' }, 201), [
      'token',
      'create',
      'ci',
      '--role',
      'operator',
      '--expires',
      '2h',
    ]);
    expect(ran).toMatchObject({ code: 0, stdout: 'db_secret\n' });
    const { expiresAt, ...rest } = ran.asked[0]?.body ?? {};
    expect(rest).toEqual({ name: 'ci', role: 'operator' });
    expect(Date.parse(String(expiresAt)) - before).toBeGreaterThanOrEqual(7_200_000);
    expect(Date.parse(String(expiresAt)) - before).toBeLessThan(7_260_000);
  });

  it.each([
    ['--role', 'king'],
    ['--expires', 'soon'],
  ])('refuses %s %s', async (...args) => {
    expect((await ask(answers({}), ['token', 'create', 'x', ...args])).code).toBe(2);
  });

  it('makes a key of a user, and shows whose keys there are', async () => {
    const ran = await ask(answers({ id: 'k1', key: 'db_secret' }, 201), [
      'token',
      'create',
      'laptop',
      '--user',
      'ann',
    ]);
    expect(ran.asked[0]?.body).toEqual({ name: 'laptop', role: 'member', user: 'ann' });
    const createdAt = '2026-11-21T08:45:40.238Z';
    const keys = [
      { id: 'k1', name: 'laptop', user: 'ann', role: 'member', createdAt },
      { id: 'k2', name: 'ci', user: 'key:k2', role: 'member', createdAt },
    ];
    const { stdout } = await ask(answers({ keys }), ['token', 'list']);
    expect(stdout).toMatch(/k1 .*ann.*laptop/);
    expect(stdout).toMatch(/k2 .*its own user.*ci/);
  });

  it('tells a key that has expired from one that is valid', async () => {
    const createdAt = '2026-11-21T08:45:40.238Z';
    const key = { name: 'ci', user: 'ann', role: 'member', createdAt };
    const keys = [
      { ...key, id: 'k1', expiresAt: '2020-01-01T00:00:00.000Z' },
      { ...key, id: 'k2', expiresAt: '9999-01-01T00:00:00.000Z' },
      { ...key, id: 'k3', expiresAt: '2020-01-01T00:00:00.000Z', revokedAt: createdAt },
    ];
    const { stdout } = await ask(answers({ keys }), ['token', 'list']);
    expect(stdout).toMatch(/k1 .*expired/);
    expect(stdout).toMatch(/k2 .*valid/);
    expect(stdout).toMatch(/k3 .*revoked/);
  });

  it('disables a user, and wants to know which of both it is to do', async () => {
    const gone = (_asked: unknown, response: { writeHead(status: number): { end(): void } }) =>
      void response.writeHead(204).end();
    const ran = await ask(gone, ['token', 'revoke', '--user', 'ann']);
    expect(ran).toMatchObject({ code: 0, asked: [{ method: 'DELETE', path: '/v1/users/ann' }] });
    expect((await ask(gone, ['token', 'revoke'])).code).toBe(2);
    expect((await ask(gone, ['token', 'revoke', 'k1', '--user', 'ann'])).code).toBe(2);
  });

  it('takes a key back', async () => {
    const ran = await ask(
      (_asked, response) => void response.writeHead(204).end(),
      ['token', 'revoke', 'k1'],
    );
    expect(ran).toMatchObject({ code: 0, asked: [{ method: 'DELETE', path: '/v1/keys/k1' }] });
  });
});

describe('what stands in the way', () => {
  it('is told with a hint: a key that is refused', async () => {
    const ran = await ask(answers({ detail: 'Unknown key.', code: 'auth/invalid' }, 401), [
      'servers',
    ]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('Unknown key.');
    expect(ran.stderr).toContain('--token');
  });

  it('is told: nobody there', async () => {
    const gone = await createHttpFixture(() => undefined);
    await gone.close();
    const env = { DRAWBRIDGE_URL: gone.url, DRAWBRIDGE_TOKEN: 'k' };
    const ran = await runCommand(['servers'], { env });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('drawbridge start');
  });

  it('is told: no bridge in this home', async () => {
    const ran = await runCommand(['servers']);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('No bridge runs for');
  });

  it('is told: somebody else answers', async () => {
    const ran = await ask((_asked, response) => void response.end('<html>'), ['servers']);
    expect(ran.stderr).toContain('no bridge of this version');
  });

  it.each([[['nonsense']], [['call']], [['logs', '-n', 'zero']], [['tools', '--nonsense']]])(
    'is 2 for the usage %j',
    async (argv) => {
      const ran = await runCommand(argv);
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('--help');
    },
  );

  it('is nothing for help, which has examples', async () => {
    const ran = await runCommand(['call', '--help']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('$ drawbridge call filesystem__read_text');
  });
});
