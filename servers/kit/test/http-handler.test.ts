import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpHandler, type HttpHandlerOptions } from '../src/http-handler.ts';
import { createHttpServer, isLoopback } from '../src/http-server.ts';
import { changes, sample } from './sample.ts';

const settings = { bridgeKey: undefined, roots: [], log: () => {} };

function openHandler(options: Partial<HttpHandlerOptions> = {}) {
  const handler = createHttpHandler(sample, settings, { hostnames: ['localhost'], ...options });
  onTestFinished(handler.close);
  return (body: unknown, headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const request = new Request('http://localhost/mcp', {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      ...init,
    });
    if (!request.headers.has('host')) request.headers.set('host', 'localhost');
    return handler.fetch(request);
  };
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 't', version: '1' },
  },
};

describe('the HTTP handler', () => {
  it.each([
    [{ host: 'evil.example' }, 403],
    [{ host: 'localhost.evil.example' }, 403],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:3000' }, 200],
    [{ 'content-type': 'text/plain' }, 415],
  ])('answers %j with %i', async (headers, status) => {
    const post = openHandler();
    expect((await post(initialize, headers as Record<string, string>)).status).toBe(status);
  });

  it('refuses what is no JSON, and other paths', async () => {
    const post = openHandler();
    expect((await post('{')).status).toBe(400);
    const handler = createHttpHandler(sample, settings, { hostnames: 'any' });
    expect((await handler.fetch(new Request('http://localhost/other'))).status).toBe(404);
    await handler.close();
  });

  it('keeps legacy sessions apart, and forgets the one unused longest', async () => {
    const post = openHandler({ maxSessions: 2 });
    const open = async () => (await post(initialize)).headers.get('mcp-session-id') ?? '';
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} };
    const [first, second] = [await open(), await open()];
    expect((await post(list, { 'mcp-session-id': first })).status).toBe(200);
    await open();
    expect((await post(list, { 'mcp-session-id': second })).status).toBe(404);
    expect((await post(list, { 'mcp-session-id': first })).status).toBe(200);
    expect((await post(list, { 'mcp-session-id': 'made-up' })).status).toBe(404);
    expect((await post(list)).status).toBe(400);
  });

  it('watches for a listener only as long as its stream is open', async () => {
    const post = openHandler();
    const stop = new AbortController();
    const listen = {
      jsonrpc: '2.0',
      id: 1,
      method: 'subscriptions/listen',
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
        notifications: { resourceSubscriptions: ['note://open'] },
      },
    };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
    const refused = await post(listen, { ...headers, 'mcp-method': 'tools/list' });
    expect(refused.status).toBe(400);
    expect(changes.size).toBe(0);
    const stream = await post(listen, headers, { signal: stop.signal });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    expect(changes.size).toBe(1);
    stop.abort();
    expect(changes.size).toBe(0);
  });
});

describe('the HTTP server', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.0.0.1.example', false],
    ['192.168.0.1', false],
  ])('knows whether %s is loopback: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });

  it('wants the token on every request once there is one, also on loopback', async () => {
    const server = await createHttpServer(sample, settings, {
      host: '127.0.0.1',
      port: 0,
      token: 't0ken',
    });
    onTestFinished(server.close);
    const post = async (authorization?: string) => {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(authorization !== undefined && { authorization }),
      };
      const response = await fetch(server.url, {
        method: 'POST',
        headers,
        body: JSON.stringify(initialize),
      });
      await response.text();
      return response.status;
    };
    expect(await post()).toBe(401);
    expect(await post('Bearer wrong')).toBe(401);
    expect(await post('Bearer t0ken')).toBe(200);
  });

  it('refuses a body over 16 MB', async () => {
    const server = await createHttpServer(sample, settings, {
      host: '127.0.0.1',
      port: 0,
      token: undefined,
    });
    onTestFinished(server.close);
    const headers = { 'content-type': 'application/json' };
    const body = 'x'.repeat(17 * 1024 * 1024);
    const answer = await fetch(server.url, { method: 'POST', headers, body }).catch(
      () => undefined,
    );
    // Told so, or cut off while still sending.
    expect([413, undefined]).toContain(answer?.status);
    expect((await fetch(server.url)).status).toBe(400);
  });

  it('does not start beyond loopback without a token', async () => {
    const start = createHttpServer(sample, settings, { host: '0.0.0.0', port: 0, token: '' });
    await expect(start).rejects.toThrow('DRAWBRIDGE_SERVER_TOKEN');
  });
});
