// Messages that two readers would end at different places (request smuggling) stop at the proxy.
import { expect, test } from 'vitest';
import { openRaw, openTestProxy } from './support/proxy-client.ts';
import { openGuard, startAnswering, startHttp, startRaw } from './support/servers.ts';

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

/** What a server got, in bytes, while it answers each head with a whole answer. */
async function startListening() {
  let all = '';
  const server = await startRaw((socket) => {
    socket.on('data', (chunk: Buffer) => {
      all += chunk.toString('latin1');
      if (all.includes('\r\n\r\n'))
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    });
  });
  return { server, received: () => all };
}

test.each([
  ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'Content-Length: 0\r\nContent-Length: 38\r\n\r\n'],
  ['two lengths in one', 'Content-Length: 0, 38\r\n\r\n'],
  ['a length with a sign', 'Content-Length: +38\r\n\r\n'],
  ['a length in hex', 'Content-Length: 0x26\r\n\r\n'],
  ['an unknown coding', 'Transfer-Encoding: xchunked\r\n\r\n'],
  ['chunks twice', 'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'],
  ['a coding before chunks', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['a coding after chunks', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
  ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n'],
  ['a space before the colon', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
  ['a folded header', 'X: y\r\n Transfer-Encoding: chunked\r\n\r\n'],
  ['a bare line feed', 'X: y\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a bare carriage return', 'X: y\rTransfer-Encoding: chunked\r\n\r\n'],
  ['a NUL', 'X: y\0\r\n\r\n'],
  ['a chunk size with a sign', 'Transfer-Encoding: chunked\r\n\r\n-1\r\n'],
  ['a chunk size without end', 'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n'],
])('passes nothing on that smuggles with %s', async (_form, rest) => {
  const { server, received } = await startListening();
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { idleMs: 1000 });
  const head = `POST ${server.url}/ HTTP/1.1\r\nHost: x\r\n${credentials}`;
  const answer = await openRaw(port, `${head}${rest}${smuggled}`).ended;
  expect(received()).not.toContain('smuggled');
  expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
});

test.each(['GET', 'DELETE', 'POST', 'OPTIONS'])(
  'a chunked body of %s keeps its frame, whatever it looks like',
  async (method) => {
    const seen: string[] = [];
    const server = await startHttp((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${body}`);
        response.end('ok');
      });
    });
    const guard = openGuard({ allowHosts: ['127.0.0.1'] });
    const { port, credentials } = await openTestProxy(guard);
    const head = `${method} ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}`;
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    const text = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`;
    expect(await openRaw(port, text).ended).toMatch(/^HTTP\/1\.1 200 /);
    expect(seen).toEqual([`${method} / ${smuggled}`]);
  },
);

test('a body with a length goes through whole, and a length cannot be wished away', async () => {
  const seen: string[] = [];
  const server = await startHttp((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push(`${request.headers['content-length']} ${body.length} ${body.slice(0, 20)}`);
      response.end('ok');
    });
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\n${credentials}`;
  const text = `${head}Connection: close, Content-Length\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
  expect(await openRaw(port, text + smuggled).ended).toMatch(/^HTTP\/1\.1 200 /);
  expect(seen).toEqual([`${smuggled.length} ${smuggled.length} GET /smuggled HTTP/1`]);
});

test('two requests on one connection are two requests, each with its credentials', async () => {
  const seen: (string | undefined)[] = [];
  const server = await startHttp((request, response) => {
    seen.push(request.url);
    response.end('ok');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const toRequest = (path: string, more: string) =>
    `GET ${server.url}${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  const answer = await openRaw(
    port,
    toRequest('/1', credentials) + toRequest('/2', credentials) + toRequest('/3', ''),
  ).ended;
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 407']);
  expect(seen).toEqual(['/1', '/2']);
});

test.each([
  [
    'a length and chunks',
    'content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ],
  ['two lengths', 'content-length: 3\r\ncontent-length: 5\r\n\r\nhello'],
  ['a coding before chunks', 'transfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  ['huge headers', `x: ${'a'.repeat(100_000)}\r\n\r\nhello`],
  ['a change of protocol that names none', '\r\n', 101],
  ["a question for the proxy's credentials", 'content-length: 0\r\n\r\n', 407],
])('passes no answer on with %s', async (_form, rest, status = 200) => {
  const server = await startAnswering((socket) => {
    socket.end(`HTTP/1.1 ${status} x\r\n${rest}`);
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
  expect(await openRaw(port, head).ended).toMatch(/^HTTP\/1\.1 502 /);
});

test('a 204 goes on without the length it cannot have', async () => {
  const server = await startAnswering((socket) => {
    socket.end('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
  const answer = await openRaw(port, head).ended;
  expect(answer).toMatch(/^HTTP\/1\.1 204 /);
  expect(answer).not.toMatch(/content-length|hello/i);
});

test('an answer that is cut off is cut off for the program, too', async () => {
  const server = await startAnswering((socket) => {
    socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
  const answer = await openRaw(port, head).ended;
  expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
});

test('a change of protocol that nobody asked for is an error', async () => {
  const server = await startAnswering((socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw',
    );
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
  expect(await openRaw(port, head).ended).toMatch(/^HTTP\/1\.1 502 /);
});

test.each([
  [
    'chunks',
    `Transfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  ],
  ['a length', `Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
])('a frame with %s behind thousands of headers is kept', async (_form, rest) => {
  const { server, received } = await startListening();
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const head = `GET ${server.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}`;
  const answer = await openRaw(port, `${head}${'a:\r\n'.repeat(2100)}${rest}`).ended;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(received()).toMatch(/\r\n(?:Transfer-Encoding: chunked|Content-Length: \d+)\r\n/);
});
