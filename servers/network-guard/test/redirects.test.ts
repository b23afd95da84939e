// Redirects: each hop is checked as the first URL was, and credentials stay with their origin.
import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { get, openGuard, startHttp, toResolve } from './support/servers.ts';

/** A server that answers `/` with a redirect, and all else with its path. */
function startRedirecting(location: string, status = 302) {
  return startHttp((request, response) => {
    if (request.url === '/') response.writeHead(status, { location }).end('moved');
    else response.end(request.url);
  });
}

test('follows redirects and tells them', async () => {
  const server = await startHttp((request, response) => {
    const next = { '/': '/a?x=1', '/a?x=1': './b#part', '/b': '../c' }[request.url ?? ''];
    if (next === undefined) response.end('arrived');
    else response.writeHead(301, { location: next }).end();
  });
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  const response = await get(guard, `${server.url}/`);
  expect(Buffer.from(response.body).toString()).toBe('arrived');
  expect(response.url).toBe(`${server.url}/c`);
  expect(response.redirects).toEqual([
    { url: `${server.url}/`, status: 301 },
    { url: `${server.url}/a?x=1`, status: 301 },
    { url: `${server.url}/b`, status: 301 },
  ]);
});

test.each([
  ['loopback', 'http://127.0.0.2/'],
  ['metadata', 'http://169.254.169.254/latest/meta-data/'],
  ['a protocol-relative private host', '//10.0.0.1/'],
  ['an IPv4-mapped address', 'http://[::ffff:7f00:1]/'],
  ['NAT64', 'http://[64:ff9b::7f00:1]/'],
  ['a decimal address', 'http://2130706434/'],
  ['a full-width address', 'http://１０.0.0.1/'],
  ['localhost', 'http://localhost/'],
  ['a name with a trailing dot', 'http://name.test./'],
  ['a port', 'http://8.8.8.8:22/'],
  ['userinfo', 'http://user:hunter2@8.8.8.8/'],
  ['file', 'file:///etc/passwd'],
  ['data', 'data:text/html,x'],
  ['gopher', 'gopher://127.0.0.1:11211/_stats'],
  ['ftp', 'ftp://8.8.8.8/'],
])('refuses a redirect to %s', async (_form, location) => {
  const server = await startRedirecting(Buffer.from(location).toString('latin1'));
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  const request = get(guard, `${server.url}/`);
  await expect(request).rejects.toThrow(/redirects to (?:where nobody may go|something that)/);
  await expect(request).rejects.toMatchObject({ name: 'ToolError' });
  await expect(request).rejects.not.toThrow('hunter2');
  expect(server.connections()).toBe(1);
});

test.each([
  ['private', ['10.0.0.1']],
  ['public and private', ['93.184.216.34', '10.0.0.1']],
])('refuses a redirect to a name that resolves to: %s', async (_form, addresses) => {
  const server = await startRedirecting('http://name.test/');
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: toResolve({ 'name.test': addresses }),
  });
  await expect(get(guard, `${server.url}/`)).rejects.toThrow(
    '"name.test:80" has no public address',
  );
});

test('refuses a redirect to the same name when it has changed meanwhile', async () => {
  const server = await startRedirecting('/second');
  let asked = 0;
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: () => Promise.resolve(asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
  });
  await expect(get(guard, `http://rebind.test:${server.port}/`)).rejects.toThrow(
    'has no public address',
  );
  expect(asked).toBe(2);
  expect(server.connections()).toBe(1);
});

test.each(['http://[', 'http://1.2.3.4.5/', 'http://[fe80::1%25eth0]/'])(
  'refuses a redirect to %s, which is no URL',
  async (location) => {
    const server = await startRedirecting(location);
    const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
    await expect(get(guard, `${server.url}/`)).rejects.toThrow(
      'redirects to something that is no URL',
    );
  },
);

test('refuses a circle', async () => {
  const server = await startHttp((request, response) => {
    response.writeHead(302, { location: request.url === '/a' ? '/b' : '/a' }).end();
  });
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  await expect(get(guard, `${server.url}/a`)).rejects.toThrow('redirects in a circle');
  expect(server.connections()).toBe(2);
});

test('refuses endless redirects', async () => {
  let count = 0;
  const server = await startHttp((_request, response) => {
    count += 1;
    response.writeHead(307, { location: `/${count}` }).end();
  });
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  await expect(get(guard, `${server.url}/`)).rejects.toThrow(/redirects further[^]*5 redirects/);
  expect(server.connections()).toBe(6);
  await expect(get(guard, `${server.url}/`, { maxRedirects: 0 })).rejects.toThrow('0 redirects');
});

test('a redirect without a location is an answer', async () => {
  const server = await startHttp((_request, response) => response.writeHead(302).end('here'));
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  const response = await get(guard, `${server.url}/`);
  expect(response).toMatchObject({ status: 302, redirects: [] });
});

test('asks before it goes on, and stays when the answer is no', async () => {
  const server = await startRedirecting('/elsewhere');
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  const asked: string[] = [];
  const request = get(guard, `${server.url}/`, {
    onRedirect(target: URL) {
      asked.push(target.pathname);
      throw new Error('out of scope');
    },
  });
  await expect(request).rejects.toThrow('out of scope');
  expect(asked).toEqual(['/elsewhere']);
  expect(server.connections()).toBe(1);
});

test('the time limit counts all hops and what is asked between them', async () => {
  const server = await startRedirecting('/elsewhere');
  const guard = openGuard({ allowHosts: [`127.0.0.1:${server.port}`] });
  const onRedirect = () => new Promise<void>(() => undefined);
  await expect(get(guard, `${server.url}/`, { onRedirect, timeoutMs: 300 })).rejects.toThrow(
    'took more than 0.3 s',
  );
});

async function startRecorder() {
  const seen: { method: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = await startHttp((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push({ method: request.method, headers: request.headers, body });
      response.end('recorded');
    });
  });
  return { server, seen };
}

const credentials = {
  Authorization: 'Bearer hunter2',
  Cookie: 'session=hunter2',
  'X-Subscription-Token': 'hunter2',
  'User-Agent': 'test',
  'Accept-Language': 'de',
};

test('credentials do not follow to another origin, in headers of any name', async () => {
  const { server, seen } = await startRecorder();
  const first = await startRedirecting(`${server.url}/`);
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await get(guard, `${first.url}/`, { headers: credentials });
  expect(JSON.stringify(seen)).not.toContain('hunter2');
  expect(seen[0]?.headers).toMatchObject({ 'user-agent': 'test', 'accept-language': 'de' });
});

test('credentials do not come back with a second redirect', async () => {
  const seen: IncomingHttpHeaders[] = [];
  const other = await startHttp((request, response) => {
    response.writeHead(302, { location: request.headers['referer'] ?? back }).end();
  });
  const first = await startHttp((request, response) => {
    seen.push(request.headers);
    if (request.url === '/') response.writeHead(302, { location: other.url }).end();
    else response.end();
  });
  const back = `${first.url}/back`;
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await get(guard, `${first.url}/`, { headers: credentials });
  expect(seen[0]?.authorization).toBe('Bearer hunter2');
  expect(JSON.stringify(seen[1])).not.toContain('hunter2');
});

test('credentials stay within their origin', async () => {
  const seen: IncomingHttpHeaders[] = [];
  const server = await startHttp((request, response) => {
    seen.push(request.headers);
    if (request.url === '/') response.writeHead(302, { location: '/next' }).end();
    else response.end();
  });
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  await get(guard, `${server.url}/`, { headers: credentials });
  expect(seen[1]).toMatchObject({ authorization: 'Bearer hunter2', cookie: 'session=hunter2' });
});

test.each([301, 302, 303])('a POST becomes a GET without its body after %i', async (status) => {
  const { server, seen } = await startRecorder();
  const first = await startRedirecting(`${server.url}/`, status);
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const headers = { 'content-type': 'application/json' };
  await get(guard, `${first.url}/`, { method: 'POST', body: '{"key":1}', headers });
  expect(seen).toMatchObject([{ method: 'GET', body: '' }]);
  expect(seen[0]?.headers['content-type']).toBeUndefined();
});

test.each([307, 308])('a POST is not sent to another origin by %i', async (status) => {
  const { server, seen } = await startRecorder();
  const first = await startRedirecting(`${server.url}/`, status);
  const guard = openGuard({ allowHosts: ['127.0.0.1'] });
  const options = { method: 'POST', body: 'secret' };
  await expect(get(guard, `${first.url}/`, options)).rejects.toThrow('asks to send the same data');
  expect(seen).toEqual([]);
  await get(guard, `${server.url}/`, options);
  expect(seen).toMatchObject([{ method: 'POST', body: 'secret' }]);
});
