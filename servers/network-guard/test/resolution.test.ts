// Names: every address is checked, and the connection goes to the address that was checked.
import { expect, test } from 'vitest';
import { get, openGuard, startHttp, toResolve } from './support/servers.ts';

test.each([
  ['private', ['10.0.0.1']],
  ['loopback', ['127.0.0.1']],
  ['IPv6 loopback', ['::1']],
  ['metadata', ['169.254.169.254']],
  ['IPv4-mapped', ['::ffff:127.0.0.1']],
  ['IPv4-mapped, hex', ['::ffff:7f00:1']],
  ['NAT64', ['64:ff9b::7f00:1']],
  ['6to4', ['2002:7f00:1::']],
  ['unspecified', ['0.0.0.0']],
  ['public, then private', ['93.184.216.34', '127.0.0.1']],
  ['private, then public', ['127.0.0.1', '93.184.216.34']],
  ['public IPv6, private IPv4', ['2606:4700::1111', '10.0.0.1']],
  ['nothing', []],
  ['an address with a zone', ['fe80::1%lo']],
  ['no address', ['127.0.0.1.example']],
  ['hundreds of addresses', Array.from({ length: 300 }, () => '93.184.216.34')],
])('refuses a name that resolves to: %s', async (_form, addresses) => {
  const server = await startHttp((_request, response) => response.end('secret'));
  const guard = openGuard({ ports: [server.port], resolve: toResolve({ 'name.test': addresses }) });
  await expect(get(guard, `http://name.test:${server.port}/`)).rejects.toThrow(
    /"name.test:\d+" has no public address[^]*Allowed: public hosts/,
  );
  expect(server.connections()).toBe(0);
});

test('a private name and one that does not exist are refused in the same words', async () => {
  const guard = openGuard({ resolve: toResolve({ 'name.test': ['10.1.2.3'] }) });
  const toMessage = (name: string) =>
    get(guard, `http://${name}/`).then(
      () => 'answered',
      (error: Error) => error.message.replace(name, ''),
    );
  expect(await toMessage('name.test')).toBe(await toMessage('gone.test'));
  expect(await toMessage('name.test')).not.toContain('10.1.2.3');
});

test('connects to the address that was checked, when the name changes after the check', async () => {
  const server = await startHttp((_request, response) => response.end('checked'));
  const answers = [['127.0.0.1'], ['10.0.0.1'], ['169.254.169.254']];
  const asked: string[] = [];
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: (name) => {
      asked.push(name);
      return Promise.resolve(answers[asked.length - 1] ?? []);
    },
  });
  const response = await get(guard, `http://rebind.test:${server.port}/`);
  // No system resolves `.test`, so only the stub's first answer leads here.
  expect(Buffer.from(response.body).toString()).toBe('checked');
  expect(asked).toEqual(['rebind.test']);
  // The next request asks again, and what was public once counts no longer.
  await expect(get(guard, `http://rebind.test:${server.port}/`)).rejects.toThrow(
    'has no public address',
  );
  expect(asked).toEqual(['rebind.test', 'rebind.test']);
  expect(server.connections()).toBe(1);
});

test('never connects to what a name changed to, though it listens', async () => {
  const secret = await startHttp((_request, response) => response.end('secret'));
  let asked = 0;
  const guard = openGuard({
    ports: [secret.port],
    // Unreachable and allowed first; then the private one, for whoever asks twice.
    resolve: () => Promise.resolve(asked++ === 0 ? ['127.9.9.9'] : ['127.0.0.1']),
    allowHosts: ['127.9.9.9'],
  });
  await expect(get(guard, `http://rebind.test:${secret.port}/`)).rejects.toThrow(
    'does not accept connections',
  );
  expect(asked).toBe(1);
  expect(secret.connections()).toBe(0);
});

test('tries the next address when one does not answer', async () => {
  const server = await startHttp((_request, response) => response.end('second'));
  const guard = openGuard({
    allowHosts: ['127.0.0.0/8'],
    resolve: toResolve({ 'two.test': ['127.9.9.9', '127.0.0.1'] }),
  });
  const response = await get(guard, `http://two.test:${server.port}/`);
  expect(Buffer.from(response.body).toString()).toBe('second');
});

test('a resolver that never answers ends with the time limit', async () => {
  const guard = openGuard({ resolve: () => new Promise(() => undefined) });
  await expect(get(guard, 'http://slow.test/', { timeoutMs: 50 })).rejects.toThrow(
    'took more than 0.1 s',
  );
});

test('a cancelled request ends with the reason of its signal', async () => {
  const guard = openGuard({ resolve: () => new Promise(() => undefined) });
  const controller = new AbortController();
  const request = get(guard, 'http://slow.test/', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(request).rejects.toThrow('enough');
  await expect(
    get(guard, 'http://slow.test/', { signal: AbortSignal.abort(new Error('before')) }),
  ).rejects.toThrow('before');
});

test('closing ends what is under way and takes no more', async () => {
  const guard = openGuard({ resolve: () => new Promise(() => undefined) });
  const request = get(guard, 'http://slow.test/');
  await Promise.all([
    expect(request).rejects.toThrow('is closed'),
    guard.close().then(() => guard.close()),
  ]);
  await expect(get(guard, 'http://slow.test/')).rejects.toThrow('is closed');
  await expect(guard.openProxy()).rejects.toThrow('is closed');
});

test('the system resolves the names that the operator allows', async () => {
  const server = await startHttp((_request, response) => response.end('by the system'));
  const { createNetworkGuard } = await import('../src/index.ts');
  const guard = createNetworkGuard({ allowHosts: [`localhost:${server.port}`] });
  try {
    const requests = Array.from({ length: 5 }, () =>
      get(guard, `http://localhost:${server.port}/`),
    );
    for (const response of await Promise.all(requests)) expect(response.status).toBe(200);
  } finally {
    await guard.close();
  }
});
