// The limits of requests' bodies, over real connections.
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';
import { open, toCall, toHead } from './connection.ts';

const MIB = 1024 * 1024;
let bridge: TestBridge;
let member: string;
let operator: string;

beforeAll(async () => {
  bridge = await startTestBridge({
    drawbridge: {
      limits: {
        bodyBytes: 2 * MIB,
        bodyTimeout: '2s',
        readingBytes: 2 * MIB,
        readingBytesTotal: 3 * MIB,
        unknownConnections: 20,
      },
    },
  });
  ({ member, operator } = bridge.bridge.keys);
}, 60_000);
afterAll(() => bridge.close());

/** A request that announces a body and sends only its beginning. */
function stall(key: string, length: number, path = '/mcp') {
  const connection = open(bridge.url);
  connection.socket.write(`${toHead({ key, length, path })}{`);
  return connection;
}
async function works(key: string): Promise<boolean> {
  const response = await bridge.request('/v1/tools/filesystem__roots/call', {
    method: 'POST',
    key,
    body: '{}',
  });
  return response.status === 200;
}

describe('without a key', () => {
  test.each(['/mcp', '/v1/tools/x/call', '/health', '/none'])(
    'a body for %s is not waited for, and its connection is closed',
    async (path) => {
      const connection = open(bridge.url);
      connection.socket.write(toHead({ length: 100 * MIB, path }));
      expect(await connection.status()).toBe(401);
      await connection.closed();
      expect(connection.text()).toMatch(/^connection: close/im);
    },
  );

  // Holds: keys/before-bodies
  test('`Expect: 100-continue` is answered only when the key is known', async () => {
    const headers = { Expect: '100-continue' };
    const stranger = open(bridge.url);
    stranger.socket.write(toHead({ length: 10, headers }));
    expect(await stranger.status()).toBe(401);
    const known = open(bridge.url);
    known.socket.write(toHead({ key: member, length: 1, headers }));
    expect(await known.status()).toBe(100);
  });

  test('the oldest connections of an address make room for new ones, and those with a key stay', async () => {
    const known = open(bridge.url);
    known.socket.write(toCall(member, 'filesystem__roots'));
    expect(await known.status()).toBe(200);
    const strangers = Array.from({ length: 40 }, () => open(bridge.url));
    await Promise.all(strangers.slice(0, 15).map((stranger) => stranger.closed()));
    expect(await works(member)).toBe(true);
    expect(known.isClosed()).toBe(false);
  });
});

describe('what is sent', () => {
  const deep = `{"arguments":{"a":${'['.repeat(200)}${']'.repeat(200)}}}`;
  const wide = `{"arguments":{"a":[${'[],'.repeat(300_000)}1]}}`;

  test('is refused on REST routes with a problem that names its depth or its values', async () => {
    const call = (body: string) =>
      bridge.request('/v1/tools/filesystem__roots/call', { method: 'POST', body });
    expect(await (await call(deep)).json()).toMatchObject({
      status: 400,
      code: 'request/invalid',
      detail: expect.stringContaining('128'),
    });
    expect(await (await call(wide)).json()).toMatchObject({
      status: 413,
      code: 'request/too_large',
    });
  });

  test('is refused on MCP routes of both generations with a JSON-RPC error', async () => {
    const { transport } = await bridge.legacy();
    const session = {
      'Mcp-Session-Id': transport.sessionId ?? '',
      'MCP-Protocol-Version': '2025-11-25',
    };
    const request = { jsonrpc: '2.0', id: 1, method: 'tools/call' };
    const toBody = (params: string) =>
      JSON.stringify({ ...request, params: 0 }).replace(':0}', `:${params}}`);
    const bodies = [toBody(deep), `[${toBody(deep)}]`];
    for (const [index, body] of bodies.entries()) {
      const modern = toCall(member, 'filesystem__roots').split('\r\n\r\n')[0] ?? '';
      const connection = open(bridge.url);
      connection.socket.write(
        `${modern.replace(/Content-Length: \d+/, `Content-Length: ${body.length}`)}\r\n\r\n${body}`,
      );
      expect([index, await connection.status()]).toEqual([index, 400]);
      const response = await bridge.request('/mcp', {
        method: 'POST',
        key: member,
        headers: { Accept: 'application/json, text/event-stream', ...session },
        body,
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        jsonrpc: '2.0',
        error: { code: -32_602, data: { code: 'request/invalid' } },
      });
    }
  });

  test('is no batch of more than a hundred messages', async () => {
    const body = JSON.stringify(
      Array.from({ length: 101 }, () => ({ jsonrpc: '2.0', method: 'notifications/x' })),
    );
    const response = await bridge.request('/mcp', { method: 'POST', body });
    expect(response.status).toBe(413);
  });

  test('is not taken in chunks of a byte', async () => {
    const connection = open(bridge.url);
    connection.socket.write(toHead({ key: member, headers: { 'Transfer-Encoding': 'chunked' } }));
    connection.socket.write('1\r\nx\r\n'.repeat(100_000));
    expect(await connection.status()).toBe(400);
    await connection.closed();
    expect(connection.text()).toContain('send larger chunks');
  });

  test('may come in chunks, up to the same size', async () => {
    const send = (bytes: number) =>
      fetch(`${bridge.url}/v1/tools/filesystem__roots/call`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${member}`, 'Content-Type': 'application/json' },
        body: new Blob([`{"arguments":{"a":"${'x'.repeat(bytes)}"}}`]).stream(),
        duplex: 'half',
      } as RequestInit);
    expect((await send(100_000)).status).toBe(200);
    expect((await send(3 * MIB)).status).toBe(413);
  });
});

describe('what is being read', () => {
  test('has a share for each principal, which is free again when it is gone', async () => {
    const held = stall(member, 2 * MIB);
    await wait(100);
    const begin = performance.now();
    const refused = stall(member, MIB);
    expect(await refused.status()).toBe(429);
    expect(performance.now() - begin).toBeLessThan(2_000);
    expect(refused.text()).toMatch(/^retry-after: 1/im);
    expect(refused.text()).toContain('"jsonrpc":"2.0"');
    expect(await works(operator)).toBe(true);
    held.socket.destroy();
    const next = stall(member, 2 * MIB, '/v1/tools/x/call');
    expect(await next.status()).toBe(408); // it was read, and then too slow
    expect(next.text()).toContain('application/problem+json');
  });

  test('has a limit for all, beyond which who holds nothing still gets a small body read', async () => {
    const held = [stall(member, 2 * MIB), stall(operator, MIB)];
    await wait(100);
    const refused = stall(operator, MIB, '/v1/tools/x/call');
    expect(await refused.status()).toBe(503);
    expect(refused.text()).toMatch(/^retry-after: 1/im);
    expect(refused.text()).toContain('request/busy');
    for (const { socket } of held) socket.destroy();
  });

  test('has to arrive in time', async () => {
    const slow = stall(member, 100);
    expect(await slow.status()).toBe(408);
    expect(slow.text()).toContain('took longer than 2 s');
    await slow.closed();
    expect(await works(member)).toBe(true);
  });

  test('has to keep a least rate, however long it may take', async () => {
    await bridge.config({ drawbridge: { limits: { bodyTimeout: '1h' } } });
    const slow = stall(member, 100_000);
    expect(await slow.status()).toBe(408);
    expect(slow.text()).toContain('bytes a second');
    await slow.closed();
  });
});
