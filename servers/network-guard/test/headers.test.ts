// Headers that callers may set, content types that they ask for, and certificates.
import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { createCertificate } from './support/certificate.ts';
import {
  get,
  openGuard,
  startAnswering,
  startHttp,
  startHttps,
  toResolve,
} from './support/servers.ts';

test.each([
  ['a line break in a value', { 'x-a': 'b\r\nHost: internal' }],
  ['a bare line feed', { 'x-a': 'b\nx: y' }],
  ['a NUL', { 'x-a': 'b\0' }],
  ['letters beyond Latin-1', { 'x-a': '\u010d\u010a' }],
  ['a line break in a name', { 'x-a\r\nHost': 'internal' }],
  ['a space in a name', { 'x a': 'b' }],
  ['no name', { '': 'b' }],
  ['a host', { Host: 'internal' }],
  ['a length', { 'Content-Length': '0' }],
  ['a transfer coding', { 'transfer-encoding': 'chunked' }],
  ['a connection', { Connection: 'upgrade' }],
  ['an upgrade', { upgrade: 'h2c' }],
  ['an expectation', { expect: '100-continue' }],
  ['proxy credentials', { 'Proxy-Authorization': 'Basic x' }],
  ['one name twice', { 'x-a': '1', 'X-A': '2' }],
  ['a long value', { 'x-a': 'b'.repeat(9000) }],
  ['many headers', Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`x-${n}`, '1']))],
])('refuses headers with %s', async (_form, headers) => {
  const server = await startHttp((_request, response) => response.end());
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await expect(get(guard, server.url, { headers })).rejects.toMatchObject({ name: 'ToolError' });
  expect(server.connections()).toBe(0);
});

test.each(['GET', 'HEAD'] as const)('a %s has no body', async (method) => {
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await expect(get(guard, 'http://127.0.0.1/', { method, body: 'x' })).rejects.toThrow(
    `A ${method} has no body.`,
  );
});

test('a path with encoded line breaks stays a path', async () => {
  const seen: (string | undefined)[] = [];
  const server = await startHttp((request, response) => {
    seen.push(request.url, request.headers['x-injected']?.toString());
    response.end();
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await get(guard, `${server.url}/%0d%0aX-Injected:%20y`);
  expect(seen).toEqual(['/%0d%0aX-Injected:%20y', undefined]);
});

test('sends the host of the URL and says what it takes', async () => {
  let headers: IncomingHttpHeaders = {};
  const server = await startHttp((request, response) => {
    headers = request.headers;
    response.setHeader('content-type', 'Application/JSON; charset=utf-8');
    response.end('{}');
  });
  const guard = openGuard({
    allowHosts: ['127.0.0.1'],
    resolve: toResolve({ 'name.test': ['127.0.0.1'] }),
  });
  await get(guard, `http://name.test:${server.port}/`, { contentTypes: ['application/json'] });
  expect(headers).toMatchObject({
    host: `name.test:${server.port}`,
    accept: 'application/json',
    'accept-encoding': 'gzip, br',
    'user-agent': 'Drawbridge',
    connection: 'close',
  });
});

test.each([
  ['text/html', ['text/*'], true],
  ['TEXT/HTML; charset=x', ['text/html'], true],
  ['text/html', ['application/json', 'text/html'], true],
  ['application/octet-stream', ['text/*'], false],
  ['textual/html', ['text/*'], false],
  ['image/svg+xml', ['text/*', 'application/json'], false],
  ['', ['text/*'], false],
])('the content type "%s" with %j allowed is taken: %s', async (type, contentTypes, taken) => {
  const server = await startHttp((_request, response) => {
    response.writeHead(200, type === '' ? {} : { 'content-type': type }).end('body');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const outcome = await get(guard, server.url, { contentTypes }).then(
    ({ status }) => String(status),
    (error: Error) => error.message,
  );
  expect(outcome).toContain(taken ? '200' : `Allowed: ${contentTypes.join(', ')}`);
});

test('an error keeps its status, whatever its type', async () => {
  const server = await startHttp((_request, response) => {
    response.writeHead(429, { 'content-type': 'text/html', 'retry-after': '7' }).end('slow down');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const response = await get(guard, server.url, { contentTypes: ['application/json'] });
  expect(response).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
});

test('names of headers that objects inherit are headers', async () => {
  const server = await startAnswering((socket) => {
    socket.end('HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\nx: 1\r\nx: 2\r\n\r\n');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { headers } = await get(guard, server.url);
  expect(headers['constructor']).toBe('b');
  expect(headers['x']).toBe('1, 2');
  expect(headers['polluted']).toBeUndefined();
  expect(headers['toString']).toBeUndefined();
});

test('checks the certificate against the name, on the checked address', async () => {
  const certificate = createCertificate('name.test');
  const seen: unknown[] = [];
  const server = await startHttps(certificate, (request, response) => {
    // A cast, because the server's type does not say that its sockets are of TLS.
    seen.push((request.socket as unknown as { servername: string }).servername);
    response.end('safe');
  });
  const options = {
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: toResolve({ 'name.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }),
  };
  const guard = openGuard({ ...options, ca: [certificate.cert] });
  const response = await get(guard, `https://name.test:${server.port}/`);
  expect(Buffer.from(response.body).toString()).toBe('safe');
  expect(seen).toEqual(['name.test']);
  for (const url of [`https://other.test:${server.port}/`, server.url])
    await expect(get(guard, url)).rejects.toThrow('has no valid certificate');
  // Nobody vouches for it.
  await expect(get(openGuard(options), `https://name.test:${server.port}/`)).rejects.toThrow(
    'has no valid certificate',
  );
  expect(seen).toEqual(['name.test']);
});

test('checks the certificate of an address', async () => {
  const certificate = createCertificate('127.0.0.1');
  const server = await startHttps(certificate, (_request, response) => response.end('safe'));
  const guard = openGuard({ allowHosts: ['127.0.0.1'], ca: [certificate.cert] });
  expect((await get(guard, server.url)).status).toBe(200);
});

test('the setting that turns certificates off in Node does not', async () => {
  const certificate = createCertificate('name.test');
  const server = await startHttps(certificate, (_request, response) => response.end('unsafe'));
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    const guard = openGuard({ allowHosts: ['127.0.0.1'] });
    await expect(get(guard, server.url)).rejects.toThrow('has no valid certificate');
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('a server that does not speak TLS, or never ends its handshake, is left', async () => {
  const plain = await startHttp((_request, response) => response.end());
  const silent = await startAnswering(() => undefined);
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await expect(get(guard, `https://127.0.0.1:${plain.port}/`)).rejects.toMatchObject({
    name: 'ToolError',
  });
  await expect(get(guard, `https://127.0.0.1:${silent.port}/`, { timeoutMs: 300 })).rejects.toThrow(
    'took more than 0.3 s',
  );
  await expect.poll(() => silent.open()).toBe(0);
});
