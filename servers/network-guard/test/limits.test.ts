// What a hostile server may cost: bombs, endless and slow answers, lengths that lie.
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { get, openGuard, startAnswering, startHttp, startRaw } from './support/servers.ts';

const MB = 1024 * 1024;
const zeros = Buffer.alloc(30 * MB);

function brotli(bytes: Uint8Array): Buffer {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
}

/** A guard for one server, and the answer of that. */
async function getFrom(server: { port: number; url: string }, options = {}) {
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  return await get(guard, `${server.url}/`, options);
}

function startPacked(encoding: string, body: Uint8Array) {
  return startHttp((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(body);
  });
}

test.each([
  ['gzip', gzipSync(zeros)],
  ['x-gzip', gzipSync(zeros)],
  ['deflate', deflateSync(zeros)],
  ['br', brotli(zeros)],
  ['gzip, gzip', gzipSync(gzipSync(zeros))],
  ['br, gzip', gzipSync(brotli(zeros))],
  ['gzip, br', brotli(gzipSync(zeros))],
  ['gzip, identity', gzipSync(zeros)],
  ['GZIP', gzipSync(zeros)],
  [
    'gzip of many members',
    Buffer.concat(Array.from({ length: 30 }, () => gzipSync(zeros.subarray(0, MB)))),
  ],
])('refuses a bomb: %s', async (encoding, bomb) => {
  const server = await startPacked(encoding.replace(/ of.*/, ''), bomb);
  await expect(getFrom(server)).rejects.toThrow(/too large[^]*20971520 bytes unpacked/);
});

test('refuses a layer that is a bomb though what it holds is small', async () => {
  const inner = gzipSync('x');
  // Members that hold nothing unpack to nothing, however many they are.
  const member = gzipSync('');
  const empty = Buffer.alloc(member.length * 200_000, member);
  const server = await startPacked('gzip, gzip', gzipSync(Buffer.concat([empty, inner])));
  await expect(getFrom(server, { maxBytes: MB })).rejects.toThrow('too large');
});

test.each([
  ['three layers', 'gzip, gzip, gzip', /is packed 3 times/],
  [
    'hundreds of layers',
    Array.from({ length: 300 }, () => 'gzip').join(','),
    /is packed 300 times/,
  ],
  ['an unknown way', 'zstd', /packed in an unknown way/],
  ['an inherited name', 'constructor', /packed in an unknown way/],
  ['damaged gzip', 'gzip', /packed wrongly or cut off/],
  ['damaged br', 'br', /packed wrongly or cut off/],
  ['damaged deflate', 'deflate', /packed wrongly or cut off/],
])('refuses %s', async (_form, encoding, message) => {
  const server = await startPacked(encoding, Buffer.from('this is not packed at all'));
  await expect(getFrom(server)).rejects.toThrow(message);
});

test.each([
  ['gzip', gzipSync('some text')],
  ['br', brotli(Buffer.from('some text'))],
])('refuses %s that is cut off', async (encoding, packed) => {
  const server = await startPacked(encoding, packed.subarray(0, packed.length - 4));
  await expect(getFrom(server)).rejects.toThrow('packed wrongly or cut off');
});

test.each([
  ['gzip', gzipSync('some text')],
  ['deflate', deflateSync('some text')],
  ['br', brotli(Buffer.from('some text'))],
  ['gzip, br', brotli(gzipSync('some text'))],
  ['identity', Buffer.from('some text')],
])('unpacks %s', async (encoding, packed) => {
  const server = await startPacked(encoding, packed);
  const response = await getFrom(server);
  expect(Buffer.from(response.body).toString()).toBe('some text');
  expect(response.wireBytes).toBe(packed.length);
});

test.each(['gzip', 'br', 'deflate'])(
  'takes an empty body that is said to be %s',
  async (encoding) => {
    const server = await startPacked(encoding, Buffer.alloc(0));
    expect((await getFrom(server)).body.length).toBe(0);
  },
);

test('refuses a length over the limit before the body comes', async () => {
  const server = await startAnswering((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n');
  });
  await expect(getFrom(server)).rejects.toThrow(/too large[^]*10485760 bytes over the wire/);
});

function flood(socket: Socket, chunk: string) {
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

test.each([
  ['chunks', 'transfer-encoding: chunked\r\n\r\n', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ['no length', '\r\n', 'x'.repeat(65_536)],
])('ends an endless body: %s', async (_form, head, chunk) => {
  const server = await startAnswering((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${head}`);
    flood(socket, chunk);
  });
  await expect(getFrom(server)).rejects.toThrow('too large');
  await expect.poll(() => server.open()).toBe(0);
});

test('ends a chunk extension without end', async () => {
  const server = await startAnswering((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;');
    flood(socket, 'x'.repeat(65_536));
  });
  await expect(getFrom(server, { timeoutMs: 2000 })).rejects.toMatchObject({ name: 'ToolError' });
  await expect.poll(() => server.open()).toBe(0);
});

test.each([
  ['one large header', `x: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['many headers', 'x: a\r\n'.repeat(20_000)],
])('ends huge headers: %s', async (_form, headers) => {
  const server = await startAnswering((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${headers}`);
  });
  await expect(getFrom(server)).rejects.toThrow('more than 32768 bytes of headers');
  await expect.poll(() => server.open()).toBe(0);
});

test.each([
  ['accepts and says nothing', () => undefined],
  ['slow headers', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nx-slow:')],
  ['slow body', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')],
  [
    'endless interim answers',
    (socket: Socket) => flood(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  ],
  [
    'a slow body within a packed one',
    (socket: Socket) =>
      socket.write(
        Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n'),
          gzipSync('x'.repeat(1000)).subarray(0, 12),
        ]),
      ),
  ],
])('the time limit ends a server that sends: %s', async (_form, answer) => {
  const server = await startAnswering(answer);
  await expect(getFrom(server, { timeoutMs: 300 })).rejects.toThrow('took more than 0.3 s');
  await expect.poll(() => server.open()).toBe(0);
});

test.each([
  ['a length too large', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'],
  ['chunks without an end', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nshort!'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nshort'],
  ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nshort'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['nothing', ''],
  ['half a head', 'HTTP/1.1 200 OK\r\nx: '],
  [
    'a change of protocol',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  ],
])('refuses an answer with %s', async (_form, answer) => {
  const server = await startAnswering((socket) => socket.end(answer));
  await expect(getFrom(server, { timeoutMs: 5000 })).rejects.toMatchObject({ name: 'ToolError' });
  await expect.poll(() => server.open()).toBe(0);
});

test('what follows the length is not of the answer', async () => {
  const server = await startAnswering((socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nshortHTTP/1.1 200 OK\r\n\r\nsmuggled');
  });
  const answer = await getFrom(server).then(
    (response) => Buffer.from(response.body).toString(),
    (error: Error) => error.name,
  );
  expect(['short', 'ToolError']).toContain(answer);
});

test('a server that breaks off at once is an error that says so', async () => {
  const server = await startRaw((socket) => socket.destroy());
  await expect(getFrom(server)).rejects.toThrow('ended the connection before its answer was whole');
});

test('a HEAD has no body, whatever its length says', async () => {
  const server = await startHttp((request, response) => {
    response
      .writeHead(200, { 'content-length': '99999999', 'x-method': request.method ?? '' })
      .end();
  });
  const response = await getFrom(server, { method: 'HEAD' });
  expect(response).toMatchObject({ status: 200, headers: { 'x-method': 'HEAD' } });
  expect(response.body.length).toBe(0);
});

test.each([204, 304])('a %i has no body, whatever its length says', async (status) => {
  const server = await startAnswering((socket) => {
    socket.write(`HTTP/1.1 ${status} x\r\ncontent-length: 5\r\n\r\n`);
  });
  const answer = await getFrom(server);
  expect(answer.status).toBe(status);
  expect(answer.body).toHaveLength(0);
});

test('a body in pieces of one byte takes no more memory than its bytes', async () => {
  const pieces = '1\r\nx\r\n'.repeat(10_000);
  const server = await startAnswering((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    for (let sent = 0; sent < 100; sent += 1) socket.write(pieces);
    socket.end('0\r\n\r\n');
  });
  const before = process.memoryUsage().heapUsed;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().heapUsed);
  }, 10);
  onTestFinished(() => clearInterval(timer));
  expect((await getFrom(server)).body).toHaveLength(1_000_000);
  expect(most - before).toBeLessThan(64 * MB);
});

test('a connection ends with its request', async () => {
  const server = await startHttp((_request, response) => response.end('x'));
  await getFrom(server);
  await expect.poll(() => server.open()).toBe(0);
});
