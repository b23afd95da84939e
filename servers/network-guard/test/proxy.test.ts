// The proxy for programs: who may use it, what it refuses, and that it ends what it began.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createCertificate } from './support/certificate.ts';
import { openRaw, openTestProxy, toCredentials } from './support/proxy-client.ts';
import { openGuard, startHttp, startHttps, startRaw, toResolve } from './support/servers.ts';

const run = promisify(execFile);

/** Sends back what it gets, and ends when the other side does. */
function startEcho() {
  return startRaw((socket) => socket.pipe(socket));
}

test.each([
  ['none', ''],
  ['wrong ones', toCredentials('drawbridge', 'wrong')],
  ['empty ones', toCredentials('', '')],
  ['another scheme', 'Proxy-Authorization: Bearer x\r\n'],
  ['no scheme', 'Proxy-Authorization: x\r\n'],
  ['those of the origin', 'Authorization: Basic eDp5\r\n'],
])('asks for credentials when it gets %s', async (_form, header) => {
  const server = await startEcho();
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port } = await openTestProxy(guard);
  for (const line of [`GET ${server.url}/ HTTP/1.1`, `CONNECT 127.0.0.1:${server.port} HTTP/1.1`]) {
    const answer = await openRaw(port, `${line}\r\nHost: x\r\n${header}\r\n`).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 407 /);
    expect(answer).toMatch(/proxy-authenticate: Basic realm=/i);
  }
  expect(server.connections()).toBe(0);
});

test('credentials are new at each start, and of no use at another proxy', async () => {
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const [first, second] = [await openTestProxy(guard), await openTestProxy(guard)];
  expect(first.credentials).not.toBe(second.credentials);
  const answer = await openRaw(
    second.port,
    `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${first.credentials}\r\n`,
  ).ended;
  expect(answer).toMatch(/^HTTP\/1\.1 407 /);
});

test('forwards a request and drops what is between neighbours', async () => {
  const seen: string[] = [];
  const server = await startHttp((request, response) => {
    seen.push(request.url ?? '', ...request.rawHeaders);
    response.writeHead(200, { connection: 'close, x-secret', 'x-secret': '1', 'x-kept': '2' });
    response.end('forwarded');
  });
  const guard = openGuard({
    allowHosts: ['127.0.0.1'],
    resolve: toResolve({ 'name.test': ['127.0.0.1'] }),
  });
  const { port, credentials } = await openTestProxy(guard);
  const head = [
    `GET http://name.test:${server.port}/a/../b?c#d HTTP/1.1`,
    'Host: internal.test',
    'Connection: close, X-Private',
    'X-Private: 1',
    'Keep-Alive: 5',
    'TE: trailers',
    'Upgrade: websocket',
    'Proxy-Connection: keep-alive',
    'X-Kept: 3',
  ];
  const answer = await openRaw(port, `${head.join('\r\n')}\r\n${credentials}\r\n`).ended;
  expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*forwarded/);
  expect(answer).toContain('x-kept: 2');
  expect(answer).not.toContain('x-secret');
  expect(seen).toEqual([
    '/b?c',
    'X-Kept',
    '3',
    'Host',
    `name.test:${server.port}`,
    'Connection',
    'close',
  ]);
});

test('opens a tunnel, with what came behind its head, and hands on the end of each side', async () => {
  const echo = await startEcho();
  const guard = openGuard({ allowHosts: [`127.0.0.1:${echo.port}`] });
  const { port, credentials } = await openTestProxy(guard);
  const client = openRaw(
    port,
    `CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\n${credentials}\r\nearly `,
  );
  await expect.poll(client.received).toContain('early');
  client.socket.end('late');
  expect(await client.ended).toMatch(/^HTTP\/1\.1 200 Connection established\r\n\r\nearly late$/);
  await expect.poll(() => echo.open()).toBe(0);
});

test('TLS through a tunnel is between the program and the host', async () => {
  const certificate = createCertificate('name.test');
  const server = await startHttps(certificate, (_request, response) => response.end('safe'));
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: toResolve({ 'name.test': ['127.0.0.1'] }),
  });
  const { port, credentials } = await openTestProxy(guard);
  const raw = openRaw(port, `CONNECT name.test:${server.port} HTTP/1.1\r\n${credentials}\r\n`);
  await expect.poll(raw.received).toContain('established\r\n\r\n');
  raw.socket.removeAllListeners('data');
  const secure = connectTls({ socket: raw.socket, servername: 'name.test', ca: certificate.cert });
  let answer = '';
  secure.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  secure.write('GET / HTTP/1.1\r\nHost: name.test\r\nConnection: close\r\n\r\n');
  await expect.poll(() => answer).toContain('safe');
});

const refused = [
  '127.0.0.1',
  '169.254.169.254',
  '10.0.0.1',
  '2130706433',
  '0177.0.0.1',
  '0x7f.1',
  '127.1',
  '[::1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  'localhost',
  'a.localhost',
  'name.test.',
  'private.test',
  'mixed.test',
  'gone.test',
];

test.each(refused)('refuses %s in both forms', async (host) => {
  const server = await startEcho();
  const onRefused = vi.fn<() => void>();
  const guard = openGuard({
    ports: [server.port],
    resolve: toResolve({
      'private.test': ['127.0.0.1'],
      'mixed.test': ['93.184.216.34', '127.0.0.1'],
    }),
  });
  const { port, credentials } = await openTestProxy(guard, { onRefused });
  const target = `${host}:${server.port}`;
  for (const line of [`CONNECT ${target}`, `GET http://${target}/`]) {
    const answer = await openRaw(
      port,
      `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`,
    ).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 403 [^]*Allowed: /);
  }
  expect(onRefused).toHaveBeenCalledTimes(2);
  expect(server.connections()).toBe(0);
});

test.each([
  'CONNECT example.com',
  'CONNECT example.com:22',
  'CONNECT example.com:0',
  'CONNECT example.com:99999',
  'CONNECT user@example.com:443',
  'CONNECT example.com:443/path',
  'CONNECT http://example.com:443',
  'CONNECT [::1%25lo]:443',
  'CONNECT [example.com]:443',
  'CONNECT a\\b:443',
  'CONNECT :443',
  'GET https://example.com/',
  'GET ftp://example.com/',
  'GET file:///etc/passwd',
  'GET http://user:hunter2@example.com/',
  'GET http://example.com:22/',
  'GET /',
  'OPTIONS *',
])('refuses the request line "%s"', async (line) => {
  const guard = openGuard({});
  const { port, credentials } = await openTestProxy(guard);
  const answer = await openRaw(
    port,
    `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`,
  ).ended;
  expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
  expect(answer).not.toContain('hunter2');
});

test('connects to the address that was checked, and asks anew for each connection', async () => {
  const server = await startEcho();
  let asked = 0;
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: () => Promise.resolve(asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
  });
  const { port, credentials } = await openTestProxy(guard);
  const line = `CONNECT rebind.test:${server.port} HTTP/1.1\r\n${credentials}\r\n`;
  const first = openRaw(port, `${line}hello`);
  await expect.poll(first.received).toContain('hello');
  expect(asked).toBe(1);
  expect(await openRaw(port, line).ended).toMatch(/^HTTP\/1\.1 403 /);
  expect(asked).toBe(2);
  expect(server.connections()).toBe(1);
});

test.each(['127.0.0.1', 'localhost', '0.0.0.0', 'alias.test', 'mapped.test', '[::ffff:127.0.0.1]'])(
  'is not reached through itself as %s, whatever the operator allows',
  async (host) => {
    const guard = openGuard({
      allowHosts: ['127.0.0.0/8', '0.0.0.0', 'localhost', 'mapped.test', 'alias.test', '::/1'],
      resolve: toResolve({
        localhost: ['127.0.0.1'],
        'alias.test': ['127.0.0.1'],
        'mapped.test': ['::ffff:7f00:1'],
      }),
    });
    const [first, second] = [await openTestProxy(guard), await openTestProxy(guard)];
    for (const target of [first.port, second.port]) {
      for (const line of [`CONNECT ${host}:${target}`, `GET http://${host}:${target}/`]) {
        const text = `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${first.credentials}\r\n`;
        expect(await openRaw(first.port, text).ended).toMatch(/^HTTP\/1\.1 403 /);
      }
    }
  },
);

test('a host that does not answer is no refusal', async () => {
  const onRefused = vi.fn<() => void>();
  const gone = await openTestProxy(openGuard({}));
  await gone.close();
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { onRefused });
  for (const line of [`CONNECT 127.0.0.1:${gone.port}`, `GET http://127.0.0.1:${gone.port}/`]) {
    const text = `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
    expect(await openRaw(port, text).ended).toMatch(/^HTTP\/1\.1 502 /);
  }
  expect(onRefused).not.toHaveBeenCalled();
});

test('a name that takes too long to resolve ends', async () => {
  const guard = openGuard({ resolve: () => new Promise(() => undefined) });
  const { port, credentials } = await openTestProxy(guard, { connectMs: 50 });
  for (const line of ['CONNECT slow.test:443', 'GET http://slow.test/']) {
    const text = `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${credentials}\r\n`;
    expect(await openRaw(port, text).ended).toMatch(/^HTTP\/1\.1 502 /);
  }
});

test('serves no more connections at once than its limit, and others when they have ended', async () => {
  const echo = await startEcho();
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { maxConnections: 2 });
  const line = `CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\n${credentials}\r\n`;
  const [first, second] = [openRaw(port, line), openRaw(port, line)];
  await expect.poll(first.received).toContain('200');
  await expect.poll(second.received).toContain('200');
  expect(await openRaw(port, line).ended).toBe('');
  first.socket.destroy();
  await expect.poll(() => echo.open()).toBe(1);
  const fourth = openRaw(port, line);
  await expect.poll(fourth.received).toContain('200');
});

test.each([
  ['a tunnel', (port: number) => `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n`],
  ['a request', (port: number) => `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n`],
])('ends %s in which nothing moves', async (_form, toHead) => {
  const silent = await startRaw((socket) => socket.resume());
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard, { idleMs: 200 });
  await openRaw(port, `${toHead(silent.port)}${credentials}\r\n`).ended;
  await expect.poll(() => silent.open()).toBe(0);
  expect(silent.connections()).toBe(1);
});

test('ends a program that says nothing, or half of a head', async () => {
  const { port } = await openTestProxy(openGuard({}), { idleMs: 200 });
  expect(await openRaw(port).ended).toBe('');
  await openRaw(port, 'GET http://exam').ended;
});

test.each([
  ['a tunnel', (port: number) => `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n`],
  ['a request', (port: number) => `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n`],
])('when the program goes, %s ends at the host', async (_form, toHead) => {
  const silent = await startRaw((socket) => socket.resume());
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const { port, credentials } = await openTestProxy(guard);
  const client = openRaw(port, `${toHead(silent.port)}${credentials}\r\n`);
  await expect.poll(() => silent.open()).toBe(1);
  client.socket.destroy();
  await expect.poll(() => silent.open()).toBe(0);
});

test('closing ends every connection on both sides, and what is about to be opened', async () => {
  const silent = await startRaw((socket) => socket.resume());
  const guard = openGuard({
    allowHosts: ['127.0.0.1'],
    resolve: () => new Promise(() => undefined),
  });
  const proxy = await openTestProxy(guard);
  const { port, credentials } = proxy;
  const clients = [
    `CONNECT 127.0.0.1:${silent.port} HTTP/1.1\r\n`,
    `GET http://127.0.0.1:${silent.port}/ HTTP/1.1\r\nHost: x\r\n`,
    'CONNECT pending.test:443 HTTP/1.1\r\n',
    'GET http://pending.test/ HTTP/1.1\r\nHost: x\r\n',
  ].map((head) => openRaw(port, `${head}${credentials}\r\n`));
  const idle = openRaw(port);
  await expect.poll(() => silent.open()).toBe(2);
  await proxy.close();
  await proxy.close();
  await Promise.all([...clients, idle].map((client) => client.ended));
  await expect.poll(() => silent.open()).toBe(0);
  expect(await openRaw(port).ended).toBe('');
});

test('closing the guard closes its proxies', async () => {
  const guard = openGuard({});
  const { port } = await openTestProxy(guard);
  const idle = openRaw(port);
  await guard.close();
  expect(await idle.ended).toBe('');
});

test('real git goes through it, and not past it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'guard-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_TERMINAL_PROMPT: '0' };
  const git = (...args: string[]) => run('git', args, { cwd: folder, env });
  await git('init', '-q', '-b', 'main', '.');
  await git(
    '-c',
    'user.name=a',
    '-c',
    'user.email=a@b',
    'commit',
    '-q',
    '--allow-empty',
    '-m',
    'x',
  );
  await git('update-server-info');
  const server = await startHttp((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname.replace(/^\/r\//, '');
    readFile(join(folder, '.git', path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: toResolve({ 'git.test': ['127.0.0.1'] }),
  });
  const proxy = await openTestProxy(guard);
  const list = (url: string) => git('-c', `http.proxy=${proxy.url}`, 'ls-remote', url);
  expect((await list(`http://git.test:${server.port}/r`)).stdout).toContain('refs/heads/main');
  const before = server.connections();
  await expect(list('http://127.0.0.1:1/r')).rejects.toThrow('403');
  await expect(list('https://10.0.0.1/r')).rejects.toThrow('403');
  expect(server.connections()).toBe(before);
});
