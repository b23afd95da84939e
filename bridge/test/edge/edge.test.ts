import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;

beforeAll(async () => {
  bridge = await startTestBridge({
    drawbridge: {
      cors: { origins: ['https://console.example'] },
      allowedHosts: ['bridge.example'],
      limits: { bodyBytes: 10_000 },
    },
  });
}, 60_000);
afterAll(() => bridge.close());

const guarded = [
  ['POST', '/mcp'],
  ['GET', '/mcp'],
  ['DELETE', '/mcp'],
  ['POST', '/mcp/code'],
  ['POST', '/servers/filesystem/mcp'],
  ['GET', '/v1/servers'],
  ['POST', '/v1/servers/filesystem/restart'],
  ['GET', '/v1/servers/filesystem/logs'],
  ['GET', '/v1/tools'],
  ['POST', '/v1/tools/filesystem__roots/call'],
  ['GET', '/v1/runs'],
  ['GET', '/v1/runs/018f0000-0000-7000-8000-000000000000'],
  ['GET', '/v1/runs/018f0000-0000-7000-8000-000000000000/events'],
  ['GET', '/v1/events'],
  ['GET', `/v1/artifacts/${'0'.repeat(64)}`],
  ['GET', '/v1/keys'],
  ['POST', '/v1/keys'],
  ['GET', '/metrics'],
  ['GET', '/openapi.json'],
  ['GET', '/no/such/route'],
] as const;

describe('keys', () => {
  test.each(guarded)(
    '%s %s is refused without a key, with how to send one',
    async (method, path) => {
      const response = await bridge.request(path, { method, key: null });
      expect(response.status).toBe(401);
      expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    },
  );

  test.each(guarded)('%s %s is refused with a key that was never made', async (method, path) => {
    const response = await bridge.request(path, { method, key: `dbk_${'A'.repeat(43)}` });
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toContain('invalid_token');
  });

  // Holds: legacy/token-not-in-query
  test('a key in the query is no key', async () => {
    const path = `/v1/servers?access_token=${bridge.bridge.keys.operator}`;
    expect((await bridge.request(path, { key: null })).status).toBe(401);
  });

  test.each(['Basic', 'Token', 'x-bearer'])(
    'a key under the scheme %s is no key',
    async (scheme) => {
      const headers = { Authorization: `${scheme} ${bridge.bridge.keys.operator}` };
      expect((await bridge.request('/v1/servers', { key: null, headers })).status).toBe(401);
    },
  );

  test.each([
    ['POST', '/v1/servers/filesystem/restart'],
    ['GET', '/v1/servers/filesystem/logs'],
    ['GET', '/v1/events'],
    ['GET', '/v1/keys'],
  ])("%s %s needs an operator's key", async (method, path) => {
    const response = await bridge.request(path, { method, key: bridge.bridge.keys.member });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'auth/forbidden' });
  });

  test('a revoked key is refused at once, and a made one works until it expires', async () => {
    const make = async (body: object) => {
      const response = await bridge.request('/v1/keys', {
        method: 'POST',
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(201);
      return (await response.json()) as { id: string; key: string };
    };
    const { id, key } = await make({ name: 'a script' });
    expect((await bridge.request('/v1/servers', { key })).status).toBe(200);
    expect((await bridge.request(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await bridge.request('/v1/servers', { key })).status).toBe(401);
    const expired = await make({ name: 'old', expiresAt: '2020-01-01T00:00:00.000Z' });
    expect((await bridge.request('/v1/servers', { key: expired.key })).status).toBe(401);
    const { keys } = (await (await bridge.request('/v1/keys')).json()) as { keys: object[] };
    expect(JSON.stringify(keys)).not.toContain(key);
    expect(keys).toContainEqual(expect.objectContaining({ id, revokedAt: expect.any(String) }));
  });
});

test('refused requests and changes of keys are events of the bridge itself', async () => {
  await bridge.request('/v1/servers', { key: 'wrong' });
  const made = await bridge.request('/v1/keys', { method: 'POST', body: '{"name":"seen"}' });
  const { id } = (await made.json()) as { id: string };
  const { runs } = (await (await bridge.request('/v1/runs?kind=bridge')).json()) as {
    runs: { id: string }[];
  };
  const log = await (await bridge.request(`/v1/runs/${runs[0]?.id}/events`)).json();
  expect(log).toMatchObject({
    events: expect.arrayContaining([
      expect.objectContaining({
        type: 'auth.failed',
        payload: { reason: expect.stringMatching(/^auth\//), count: expect.any(Number) },
      }),
      expect.objectContaining({
        type: 'auth.key_created',
        payload: expect.objectContaining({ keyId: id, name: 'seen', role: 'member' }),
      }),
    ]),
  });
});

test.each(['/live', '/health', '/ready', '/docs/'])('%s is open', async (path) => {
  expect((await bridge.request(path, { key: null })).status).toBe(200);
});

test('/ready names each dependency', async () => {
  expect(await (await bridge.request('/ready', { key: null })).json()).toMatchObject({
    status: 'ok',
    dependencies: { postgres: { status: 'ok' } },
    servers: { filesystem: 'stopped' },
  });
});

test('what callers make up never becomes a label of the metrics', async () => {
  const labels = async (): Promise<number> => {
    const text = await (await bridge.request('/metrics')).text();
    return text.split('\n').filter((line) => /(?:route|tool|server|method)="/.test(line)).length;
  };
  const ask = async (name: string) => {
    for (const path of [
      `/${name}`,
      `/v1/${name}`,
      `/v1/${name}/x`,
      `/mcp/${name}`,
      `/docs/${name}`,
    ])
      await bridge.request(path, { key: name.length % 2 === 0 ? null : bridge.bridge.keys.member });
    await bridge.request(`/servers/${name}/mcp`, { method: 'POST', body: '{}' });
    await bridge.request(`/v1/tools/${name}/call`, { method: 'POST', body: '{}' });
    await bridge.request('/health', { method: name.toUpperCase() });
  };
  await ask('first');
  await ask('second');
  await labels();
  const before = await labels();
  for (let index = 0; index < 20; index += 1) await ask(`made-up-${index}`);
  expect(await labels()).toBe(before);
});

describe('browsers', () => {
  /** `fetch` does not let a Host header through, so this is node:http. */
  const withHost = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      httpRequest(`${bridge.url}/health`, { headers: { Host: host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test.each([
    ['127.0.0.1', 200],
    ['localhost:11100', 200],
    ['[::1]:1', 200],
    ['bridge.example', 200],
    ['attacker.example', 403],
    ['127.0.0.1.attacker.example', 403],
    ['localhost@attacker.example', 400],
  ])('the host %s gets %i', async (host, status) => {
    expect(await withHost(host)).toBe(status);
  });

  // Holds: legacy/origin
  test('another origin is refused, also on open routes', async () => {
    for (const path of ['/health', '/mcp', '/v1/servers']) {
      const response = await bridge.request(path, {
        headers: { Origin: 'https://attacker.example' },
      });
      expect(response.status).toBe(403);
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
    }
  });

  test('a configured origin may call and read the headers that clients need', async () => {
    const headers = { Origin: 'https://console.example' };
    const preflight = await bridge.request('/mcp', {
      method: 'OPTIONS',
      key: null,
      headers: {
        ...headers,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,mcp-session-id',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('https://console.example');
    const response = await bridge.request('/v1/servers', { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('Access-Control-Expose-Headers')).toMatch(
      /Mcp-Session-Id.*WWW-Authenticate/,
    );
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://console.example');
    expect(response.headers.get('Vary')).toBe('Origin');
  });
});

describe('bad requests', () => {
  const call = (body: string, headers: Record<string, string> = {}) =>
    bridge.request('/v1/tools/filesystem__roots/call', { method: 'POST', body, headers });

  test.each([
    ['JSON that is none', '{"arguments":', 400],
    ['arguments that are a list', '{"arguments":[1]}', 400],
    ['a body over the limit', JSON.stringify({ arguments: { a: 'x'.repeat(20_000) } }), 413],
  ])(
    '%s is answered with a problem document that says what was wrong',
    async (_name, body, status) => {
      const response = await call(body);
      expect(response.status).toBe(status);
      expect(response.headers.get('Content-Type')).toContain('application/problem+json');
      const problem = (await response.json()) as Record<string, unknown>;
      expect(problem).toMatchObject({
        status,
        code: expect.stringMatching(/^request\//),
        detail: expect.any(String),
      });
      expect(problem['requestId']).toBe(response.headers.get('X-Request-Id'));
    },
  );

  test('a body that is not called JSON is refused, not passed over', async () => {
    const response = await call('{"arguments":{"a":1}}', { 'Content-Type': 'text/plain' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining('application/json'),
    });
  });

  test('on MCP routes the answer is a JSON-RPC error', async () => {
    const post = (body: string, headers: Record<string, string> = {}) =>
      bridge.request('/mcp', {
        method: 'POST',
        body,
        headers: { Accept: 'application/json, text/event-stream', ...headers },
      });
    const broken = await post('{');
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { code: expect.any(Number) },
    });
    expect((await post(JSON.stringify({ x: 'x'.repeat(20_000) }))).status).toBe(413);
    expect((await post('{}', { 'Content-Type': 'text/plain' })).status).toBe(400);
  });

  test('an empty message is refused in words', async () => {
    const response = await bridge.request('/mcp', { method: 'POST', body: '' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('a JSON-RPC message is expected');
  });

  test('a toolset or server that does not exist is a 404', async () => {
    for (const path of ['/mcp/none', '/servers/none/mcp']) {
      expect((await bridge.request(path, { method: 'POST', body: '{}' })).status).toBe(404);
    }
  });

  test.each(['none', 'constructor', '__proto__'])('%s is no project', async (name) => {
    const response = await call('{}', { 'Drawbridge-Project': name });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('no project') });
  });

  test('roots that are not signed by this home are refused', async () => {
    const response = await call('{}', {
      'Drawbridge-Roots': `${Buffer.from('["/"]').toString('base64url')}.AAAA`,
    });
    expect(response.status).toBe(403);
  });
});
