// Many connections to the proxy, and many requests on one: nobody is kept out by who has no credentials,
// and one connection costs no more than one host's.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openRaw, openTestProxy } from './support/proxy-client.ts';
import { openGuard, startAnswering, startHttp, startRaw } from './support/servers.ts';

const long = { timeout: 15_000 };

function toGet(port: number, credentials: string): string {
  return `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n${credentials}\r\n`;
}

test('connections without credentials give way to those with them', async () => {
  const echo = await startRaw((socket) => socket.pipe(socket));
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { maxConnections: 3 });
  const line = `CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\n`;
  const first = openRaw(port, `${line}${credentials}\r\n`);
  await expect.poll(first.received, long).toContain('200');
  const silent = [openRaw(port), openRaw(port)];
  await Promise.all(silent.map(({ socket }) => once(socket, 'connect')));
  const second = openRaw(port, `${line}${credentials}\r\n`);
  await expect.poll(second.received, long).toContain('200');
  expect(await silent[0]?.ended).toBe('');
  first.socket.write('still here');
  await expect.poll(first.received, long).toContain('still here');
});

test('a program that goes on sending after a refusal is left all the same', async () => {
  const guard = openGuard({});
  const { port } = await openTestProxy(guard);
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let isClosed = false;
  socket.once('close', () => {
    isClosed = true;
  });
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.write('CONNECT example.com:443 HTTP/1.1\r\n\r\n');
  const timer = setInterval(() => socket.write('x'), 100);
  onTestFinished(() => {
    clearInterval(timer);
    socket.destroy();
  });
  await expect.poll(() => isClosed, long).toBe(true);
});

test('requests on one connection are answered one after the other', async () => {
  const silent = await startRaw((socket) => socket.resume());
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { idleMs: 1000 });
  const answer = await openRaw(port, toGet(silent.port, credentials).repeat(10)).ended;
  expect(answer).not.toContain('200');
  expect(silent.connections()).toBe(1);
  await expect.poll(silent.open, long).toBe(0);
});

test('a connection with hundreds of requests without an answer is ended', async () => {
  const silent = await startRaw((socket) => socket.resume());
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  expect(await openRaw(port, toGet(silent.port, credentials).repeat(300)).ended).toBe('');
  await expect.poll(silent.open, long).toBe(0);
});

test('what follows a refusal on the same connection is not done', async () => {
  const server = await startHttp((_request, response) => response.end('ok'));
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const answer = await openRaw(port, toGet(server.port, '') + toGet(server.port, credentials))
    .ended;
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 407']);
  expect(server.connections()).toBe(0);
});

test.each([
  ['what cannot be read', () => 'GARBAGE\0\r\n\r\n'],
  ['a tunnel', (credentials: string) => `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${credentials}\r\n`],
])('%s amid an answer puts nothing into the answer', async (_form, toRest) => {
  const server = await startAnswering((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf');
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const client = openRaw(port, toGet(server.port, credentials));
  await expect.poll(client.received, long).toMatch(/half$/);
  client.socket.write(toRest(credentials));
  expect(await client.ended).toMatch(/half$/);
  await expect.poll(server.open, long).toBe(0);
});

test.each([
  ['CONNECT 10.0.0.1:80', '10.0.0.1:80'],
  ['GET http://10.0.0.1/a?key=hunter2', '10.0.0.1:80'],
  ['CONNECT user:hunter2@example.com:80', 'no host'],
  ['GET http://user:hunter2@example.com/', 'example.com:80'],
  ['GET /hunter2', 'no host'],
])('tells the host of "%s", and nothing else of it', async (line, target) => {
  const onRefused = vi.fn<(refused: { target: string }) => void>();
  const { port, credentials } = await openTestProxy(openGuard({}), { onRefused });
  const text = `${line} HTTP/1.1\r\nHost: x\r\n${credentials}\r\n`;
  expect(await openRaw(port, text).ended).toMatch(/^HTTP\/1\.1 403 /);
  expect(onRefused.mock.calls.map(([refused]) => refused.target)).toEqual([target]);
});

test.each(['CONNECT 10.0.0.1:80', 'GET http://10.0.0.1/'])(
  'a listener that fails costs "%s" nothing',
  async (line) => {
    const warned = new Promise<Error>((resolve) => {
      process.once('warning', resolve);
    });
    const { port, credentials } = await openTestProxy(openGuard({}), {
      onRefused() {
        throw new Error('The listener failed.');
      },
    });
    const text = `${line} HTTP/1.1\r\nHost: x\r\n${credentials}\r\n`;
    expect(await openRaw(port, text).ended).toMatch(/^HTTP\/1\.1 403 /);
    expect((await warned).message).toBe('The listener failed.');
  },
);
