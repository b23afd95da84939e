// What operators may allow, and what is no way to say it.
import { expect, test } from 'vitest';
import { createNetworkGuard, parseAllowedHosts } from '../src/index.ts';
import { get, openGuard, startHttp, toResolve } from './support/servers.ts';

test('reads a list with commas and spaces', () => {
  expect(
    parseAllowedHosts(' localhost:8080, 10.0.0.0/8\n[::1]:80,,fd00::/8 [fd00::]/8 ::1 '),
  ).toEqual(['localhost:8080', '10.0.0.0/8', '[::1]:80', 'fd00::/8', '[fd00::]/8', '::1']);
  expect(parseAllowedHosts(undefined)).toEqual([]);
  expect(parseAllowedHosts('')).toEqual([]);
});

test.each([
  ['http://intranet', /is a URL/],
  ['*.example.com', /wildcard/],
  ['*', /wildcard/],
  ['0.0.0.0/0', /allows every address/],
  ['::/0', /allows every address/],
  ['10.0.0.0/33', /too long a prefix/],
  ['10.0.0/8', /no address with a prefix/],
  ['intranet/8', /no address with a prefix/],
  ['10.0.0.0/8:80', /no address with a prefix/],
  ['intranet:0', /no port/],
  ['intranet:65536', /no port/],
  ['intranet:http', /no port/],
  ['intranet:', /no port/],
  ['[::1]:', /no port/],
  ['[intranet]:80', /no IPv6 address/],
  ['[::1', /is no host/],
  ['fe80::1%eth0', /is no host|no port/],
  ['user@intranet', /is no host/],
  ['intranet.', /is no host/],
  ['127.1', /another form of the address 127.0.0.1/],
  ['0x7f000001', /another form of the address 127.0.0.1/],
  ['256.0.0.1', /is no host/],
  [':80', /is no host/],
])('refuses to start with the allowed host %s', (entry, message) => {
  expect(() => parseAllowedHosts(entry)).toThrow(message);
  expect(() => parseAllowedHosts(entry)).toThrow(JSON.stringify(entry));
  expect(() => createNetworkGuard({ allowHosts: [entry] })).toThrow(message);
});

test.each([
  ['10.0.0.5', 'http://10.0.0.5/', true],
  ['10.0.0.5', 'http://10.0.0.5:9999/', true],
  ['10.0.0.5', 'http://10.0.0.6/', false],
  ['10.0.0.5:8080', 'http://10.0.0.5:8080/', true],
  ['10.0.0.5:8080', 'http://10.0.0.5/', false],
  ['10.0.0.0/8', 'http://10.255.0.1:81/', true],
  ['10.0.0.0/8', 'http://11.0.0.1:81/', false],
  ['10.0.0.0/8', 'http://[::ffff:10.0.0.1]/', false],
  ['10.0.0.0/8', 'http://[64:ff9b::10.0.0.1]/', false],
  ['[::1]:8080', 'http://[::1]:8080/', true],
  ['[::1]:8080', 'http://[::1]/', false],
  ['::1', 'http://[0:0:0:0:0:0:0:1]:1234/', true],
  ['fd00::/8', 'http://[fd12::1]/', true],
  ['fd00::/8', 'http://[fe80::1]/', false],
  ['Intranet:8080', 'http://INTRANET:8080/', true],
  ['intranet:8080', 'http://intranet:8081/', false],
  ['intranet:8080', 'http://a.intranet:8080/', false],
  ['intranet', 'http://intranet:8081/', true],
  ['münchen.example:81', 'http://xn--mnchen-3ya.example:81/', true],
  ['localhost:8080', 'http://localhost:8080/', true],
  ['localhost:8080', 'http://localhost/', false],
  ['localhost', 'http://a.localhost/', false],
  ['localhost', 'http://127.0.0.1/', false],
  ['127.0.0.1', 'http://localhost/', false],
  ['example.com:8443', 'https://example.com:8443/', true],
  ['example.com:8443', 'https://example.com/', true],
  ['example.com:8443', 'https://example.org:8443/', false],
])('with %s allowed, %s is taken: %s', (entry, url, taken) => {
  const guard = openGuard({ allowHosts: [entry] });
  const answer = () => {
    try {
      return guard.checkUrl(url).href;
    } catch (error) {
      return String(error);
    }
  };
  expect(answer()).toContain(taken ? new URL(url).href : 'Allowed: public hosts on port 80 or 443');
});

test('an allowed name may resolve to a private address, and only that name', async () => {
  const server = await startHttp((_request, response) => response.end('inside'));
  const guard = openGuard({
    allowHosts: [`intranet.test:${server.port}`],
    ports: [server.port],
    resolve: toResolve({ 'intranet.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }),
  });
  const response = await get(guard, `http://intranet.test:${server.port}/`);
  expect(Buffer.from(response.body).toString()).toBe('inside');
  await expect(get(guard, `http://other.test:${server.port}/`)).rejects.toThrow(
    'has no public address',
  );
  await expect(get(guard, server.url)).rejects.toThrow('not a public address');
  expect(server.connections()).toBe(1);
});

test('an allowed address may be reached by a name', async () => {
  const server = await startHttp((_request, response) => response.end('inside'));
  const guard = openGuard({
    allowHosts: [`127.0.0.1:${server.port}`],
    resolve: toResolve({ 'any.test': ['127.0.0.1'] }),
  });
  const response = await get(guard, `http://any.test:${server.port}/`);
  expect(response.status).toBe(200);
  // An allowed port of one address is no allowed port of others.
  await expect(get(guard, `http://8.8.8.8:${server.port}/`)).rejects.toThrow('because of its port');
});
