// Every form of a URL that must not leave, without any network.
import { ToolError } from '@drawbridge/kit';
import { expect, test } from 'vitest';
import { get, openGuard, startHttp, toResolve } from './support/servers.ts';

const addresses: readonly (readonly [string, string])[] = [
  ['loopback', '127.0.0.1'],
  ['loopback, its end', '127.255.255.254'],
  ['unspecified', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['private 10/8', '10.0.0.1'],
  ['private 172.16/12', '172.31.255.255'],
  ['private 192.168/16', '192.168.1.1'],
  ['link-local', '169.254.1.1'],
  ['metadata', '169.254.169.254'],
  ['Azure platform', '168.63.129.16'],
  ['CGNAT', '100.64.0.1'],
  ['CGNAT, its end', '100.127.255.255'],
  ['IETF assignments', '192.0.0.192'],
  ['documentation 1', '192.0.2.1'],
  ['documentation 2', '198.51.100.1'],
  ['documentation 3', '203.0.113.1'],
  ['6to4 relay', '192.88.99.1'],
  ['benchmarking', '198.18.0.1'],
  ['benchmarking, its end', '198.19.255.255'],
  ['multicast', '224.0.0.1'],
  ['multicast, its end', '239.255.255.250'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['IPv6 unspecified', '[::]'],
  ['IPv6 loopback', '[::1]'],
  ['IPv6 loopback, written out', '[0:0:0:0:0:0:0:1]'],
  ['IPv4-mapped, hex (CVE-2026-49857)', '[::ffff:7f00:1]'],
  ['IPv4-mapped, dotted', '[::ffff:127.0.0.1]'],
  ['IPv4-mapped, written out', '[0:0:0:0:0:FFFF:10.0.0.1]'],
  ['IPv4-mapped of a public address', '[::ffff:8.8.8.8]'],
  ['IPv4-translated', '[::ffff:0:7f00:1]'],
  ['IPv4-compatible', '[::127.0.0.1]'],
  ['NAT64', '[64:ff9b::7f00:1]'],
  ['NAT64 of a public address', '[64:ff9b::8.8.8.8]'],
  ['NAT64, local', '[64:ff9b:1::a00:1]'],
  ['6to4', '[2002:7f00:1::]'],
  ['Teredo', '[2001:0:7f00:1::]'],
  ['ORCHID', '[2001:20::1]'],
  ['IPv6 benchmarking', '[2001:2::1]'],
  ['IPv6 documentation', '[2001:db8::1]'],
  ['IPv6 documentation 2', '[3fff::1]'],
  ['discard', '[100::1]'],
  ['ULA', '[fd00::1]'],
  ['ULA, lower half', '[fc00::1]'],
  ['AWS metadata', '[fd00:ec2::254]'],
  ['IPv6 link-local', '[fe80::1]'],
  ['site-local', '[fec0::1]'],
  ['IPv6 multicast', '[ff02::1]'],
  ['segment routing', '[5f00::1]'],
  ['decimal', '2130706433'],
  ['decimal of metadata', '2852039166'],
  ['octal', '0177.0.0.1'],
  ['octal, whole', '017700000001'],
  ['hex', '0x7f.0.0.1'],
  ['hex, whole', '0x7f000001'],
  ['hex, whole, dot', '0x7f000001.'],
  ['short', '127.1'],
  ['short, three parts', '10.0.1'],
  ['zero', '0'],
  ['mixed', '0x7f.0.1'],
  ['full-width', '１２７．０．０．１'],
  ['circled', '①②⑦.⓪.⓪.①'],
  ['ideographic full stops', '127。0。0。1'],
  ['percent-encoded', '%31%32%37.0.0.1'],
  ['soft hyphen inside', '12\u00ad7.0.0.1'],
  ['trailing dot', '127.0.0.1.'],
];

test.each(addresses)('refuses an address: %s', async (_form, host) => {
  const guard = openGuard({});
  expect(() => guard.checkUrl(`http://${host}/`)).toThrow(ToolError);
  expect(() => guard.checkUrl(`http://${host}/`)).toThrow(/is not a public address[^]*Allowed: /);
  await expect(get(guard, `http://${host}/`)).rejects.toThrow('is not a public address');
});

const publics: readonly (readonly [string, string])[] = [
  ['IPv4', '8.8.8.8'],
  ['below 10/8', '9.255.255.255'],
  ['above 10/8', '11.0.0.0'],
  ['below CGNAT', '100.63.255.255'],
  ['above CGNAT', '100.128.0.0'],
  ['below 172.16/12', '172.15.255.255'],
  ['above 172.16/12', '172.32.0.0'],
  ['above link-local', '169.255.0.0'],
  ['above benchmarking', '198.20.0.0'],
  ['below multicast', '223.255.255.255'],
  ['IPv6', '[2606:4700::1111]'],
  ['IPv6 above 2001::/23', '[2001:200::1]'],
  ['IPv6 above documentation', '[2001:db9::1]'],
  ['IPv6 above 6to4', '[2003::1]'],
];

test.each(publics)('takes a public address: %s', (_form, host) => {
  expect(openGuard({}).checkUrl(`https://${host}/x?y`).hostname).toBe(host);
});

const names: readonly (readonly [string, string, RegExp])[] = [
  ['localhost', 'localhost', /is this machine/],
  ['localhost in capitals', 'LocalHost', /is this machine/],
  ['localhost in circled letters', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', /is this machine/],
  ['localhost with a soft hyphen', 'local\u00adhost', /is this machine/],
  ['below localhost', 'a.b.localhost', /is this machine/],
  ['localhost with a dot', 'localhost.', /is no host name/],
  ['a trailing dot', 'example.com.', /is no host name/],
  ['two trailing dots', 'example.com..', /is no host name/],
  ['an empty label', 'a..b', /is no host name/],
  ['a star', '*.example.com', /is no host name/],
  ['a quote', "a'b.example", /is no host name/],
  ['a long label', `${'a'.repeat(64)}.example`, /is no host name/],
  ['a long name', `${'a.'.repeat(130)}example`, /is no host name/],
  ['a NUL', 'a%00b', /cannot be read/],
  ['five numbers', '1.2.3.4.5', /cannot be read/],
  ['a number too large', '256.1.1.1', /cannot be read/],
  ['a zone', '[fe80::1%25eth0]', /cannot be read/],
  ['a zone, unencoded', '[fe80::1%eth0]', /cannot be read/],
  ['nothing', '', /cannot be read/],
];

test.each(names)('refuses a name: %s', (_form, host, message) => {
  expect(() => openGuard({}).checkUrl(`http://${host}/`)).toThrow(message);
});

const urls: readonly (readonly [string, string, RegExp])[] = [
  ['file', 'file:///etc/passwd', /scheme "file:" are refused[^]*Allowed: http: and https:/],
  ['data', 'data:text/plain,x', /scheme "data:" are refused/],
  ['gopher', 'gopher://example.com/', /scheme "gopher:" are refused/],
  ['ftp', 'ftp://example.com/', /scheme "ftp:" are refused/],
  ['ws', 'ws://example.com/', /scheme "ws:" are refused/],
  ['javascript', 'javascript:alert(1)', /scheme "javascript:" are refused/],
  ['blob', 'blob:http://example.com/x', /scheme "blob:" are refused/],
  ['about', 'about:blank', /scheme "about:" are refused/],
  ['constructor', 'constructor:x', /scheme "constructor:" are refused/],
  ['user', 'http://user@example.com/', /has a user or a password/],
  ['password', 'http://:secret@example.com/', /has a user or a password/],
  ['encoded userinfo', 'http://a%40b:c@example.com/', /has a user or a password/],
  ['port', 'http://example.com:22/', /because of its port[^]*port 80 or 443/],
  ['port of https', 'https://example.com:8443/', /because of its port/],
  ['port 0', 'http://example.com:0/', /because of its port/],
  ['port of an address', 'http://8.8.8.8:53/', /because of its port/],
  ['port too large', 'http://example.com:65536/', /cannot be read/],
  ['no scheme', 'example.com', /cannot be read/],
  ['relative', '/x', /cannot be read/],
  ['line break', 'http://exam\nple.com/', /spaces or control characters/],
  ['header injection', 'http://example.com/\r\nX: y', /spaces or control characters/],
  ['tab', 'ht\ttp://127.0.0.1/', /spaces or control characters/],
  ['leading space', ' http://example.com/', /spaces or control characters/],
  ['backslash', 'http://127.0.0.1\\@example.com/', /not a public address/],
  ['no slashes', 'http:127.0.0.1', /not a public address/],
  ['three slashes', 'http:///127.0.0.1', /not a public address/],
  ['long', `http://example.com/${'a'.repeat(9000)}`, /has 9019 characters/],
];

test.each(urls)('refuses a URL: %s', async (_form, url, message) => {
  const guard = openGuard({});
  expect(() => guard.checkUrl(url)).toThrow(message);
  await expect(get(guard, url)).rejects.toThrow(message);
});

test('never repeats a password or a query in an error', () => {
  const guard = openGuard({});
  for (const url of ['http://u:hunter2@10.0.0.1/', 'http://10.0.0.1/?key=hunter2']) {
    expect(() => guard.checkUrl(url)).toThrow(expect.objectContaining({ name: 'ToolError' }));
    expect(() => guard.checkUrl(url)).not.toThrow('hunter2');
  }
});

test('says the same of a private host whether something listens there or not', async () => {
  const server = await startHttp((_request, response) => response.end('secret'));
  const guard = openGuard({ ports: [server.port, 9] });
  const toMessage = (url: string) =>
    get(guard, url).then(
      () => 'answered',
      (error: Error) => error.message.replace(/:\d+"/, ''),
    );
  expect(await toMessage(server.url)).toBe(await toMessage('http://127.0.0.1:9/'));
  expect(server.connections()).toBe(0);
});

test('refuses the networks that the machine stands in, public as they may be', async () => {
  const guard = openGuard({
    listOwnNetworks: () => ['9.9.9.9/24', '2a00:1:2:3::5/64', '45.0.0.1/1'],
    resolve: toResolve({ 'neighbour.test': ['9.9.9.1'] }),
  });
  for (const host of ['9.9.9.9', '9.9.9.1', '[2a00:1:2:3::77]', '45.0.0.1'])
    expect(() => guard.checkUrl(`http://${host}/`)).toThrow('not a public address');
  expect(guard.checkUrl('http://9.9.8.1/').hostname).toBe('9.9.8.1');
  expect(guard.checkUrl('http://45.0.0.2/').hostname).toBe('45.0.0.2');
  await expect(get(guard, 'http://neighbour.test/')).rejects.toThrow('has no public address');
});
