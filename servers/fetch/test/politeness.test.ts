import { expect, it } from 'vitest';
import { createFairQueue } from '../src/fair-queue.ts';
import { toFreshness } from '../src/freshness.ts';
import { parseRobots } from '../src/robots-rules.ts';
import { ToolError } from '@drawbridge/kit';
import { html, openBench, startHost } from './harness.ts';

const robots = (body: string, status = 200) => ({ status, type: 'text/plain', body });

it('asks robots.txt once, and requests only what it allows', async () => {
  const host = await startHost({
    '/robots.txt': robots('User-agent: *\nDisallow: /private\nAllow: /private/open'),
    '/a': html('<p>a'),
    '/private/open': html('<p>open'),
  });
  const { call } = await openBench();
  expect((await call('fetch', { url: `${host.url}/a` })).isError).toBe(false);
  expect((await call('fetch', { url: `${host.url}/private/open` })).isError).toBe(false);
  const refused = await call('fetch', { url: `${host.url}/private/x` });
  expect(refused.text).toContain('does not allow this URL for "Drawbridge"');
  expect(host.seen).toEqual(['GET /a', 'GET /private/open']);
  expect(host.robots()).toBe(1);
});

it('takes a failing robots.txt for no, a missing one for yes, and asks none when told so', async () => {
  const failing = await startHost({ '/robots.txt': robots('', 503), '/': html('<p>x') });
  const cut = await startHost({
    '/robots.txt': (request) => {
      request.socket.destroy();
      return undefined;
    },
    '/': html('<p>x'),
  });
  const missing = await startHost({ '/robots.txt': robots('', 403), '/': html('<p>x') });
  const { call } = await openBench();
  expect((await call('fetch', { url: failing.url })).text).toContain('answered 503');
  expect((await call('fetch', { url: cut.url })).text).toContain('could not be read');
  expect((await call('fetch', { url: missing.url })).isError).toBe(false);
  const ignoring = await openBench({ env: { DRAWBRIDGE_FETCH_IGNORE_ROBOTS: '1' } });
  expect((await ignoring.call('fetch', { url: failing.url })).isError).toBe(false);
  expect(failing.robots()).toBe(1);
});

it('asks the robots.txt of each origin that a redirect leads to', async () => {
  const closed = await startHost({
    '/robots.txt': robots('User-agent: Drawbridge\nDisallow: /'),
    '/': html('<p>x'),
  });
  const host = await startHost({ '/': { status: 302, headers: { location: closed.url } } });
  const { call } = await openBench();
  expect((await call('fetch', { url: host.url })).text).toContain('does not allow');
  expect(closed.seen).toEqual([]);
});

it.each([
  ['User-agent: *\nDisallow: /', '/x', false],
  ['User-agent: other\nDisallow: /', '/x', true],
  ['User-agent: *\nDisallow: /\n\nuser-agent: DRAWBRIDGE/1.0\nDisallow:', '/x', true],
  ['User-agent: *\nDisallow: /a\nAllow: /a', '/a', true],
  ['User-agent: *\nAllow: /\nDisallow: /*.pdf$', '/d/x.pdf', false],
  ['User-agent: *\nDisallow: /*.pdf$', '/d/x.pdf?y', true],
  ['User-agent: *\nDisallow: /%7ejoe/ä', '/~joe/%C3%A4/', false],
  ['User-agent: a\nUser-agent: drawbridge\nDisallow: /x # no', '/x', false],
  ['\ufeffUser-agent: *\r\nDisallow: /x\rAllow: /', '/x', false],
  ['Disallow: /\nnonsense', '/', true],
])('reads %j so that %s is %s', (text, path, expected) => {
  expect(parseRobots(text, 'Drawbridge').isAllowed(path)).toBe(expected);
});

it('answers for a hostile robots.txt', () => {
  const rules = `User-agent: *\n${`Disallow: /${'*a'.repeat(900)}b\n`.repeat(300)}`;
  expect(parseRobots(rules, 'Drawbridge').isAllowed(`/${'a'.repeat(8000)}`)).toBe(true);
});

it('serves fresh answers from memory, asks again for stale ones, and keeps none that forbid it', async () => {
  const host = await startHost({
    '/fresh': { ...html('<p>fresh'), headers: { 'cache-control': 'max-age=3600' } },
    '/tagged': (request) =>
      request.headers['if-none-match'] === '"v1"'
        ? { status: 304, headers: { etag: '"v1"' } }
        : { ...html('<p>tagged'), headers: { etag: '"v1"', 'cache-control': 'no-cache' } },
    '/never': {
      ...html('<p>never'),
      headers: { 'cache-control': 'no-store, max-age=60', etag: '"x"' },
    },
    '/vary': { ...html('<p>vary'), headers: { 'cache-control': 'max-age=60', vary: '*' } },
  });
  const { call } = await openBench();
  const twice = async (path: string, more = {}) => {
    await call('fetch', { url: host.url + path });
    const { pages } = await call('fetch', { url: host.url + path, ...more });
    expect(pages[0]?.['content']).toContain(path.slice(1));
    return [pages[0]?.['cache'], host.seen.splice(0).length];
  };
  expect(await twice('/fresh')).toEqual(['hit', 1]);
  expect(await twice('/fresh', { refresh: true })).toEqual(['miss', 1]);
  expect(await twice('/tagged')).toEqual(['revalidated', 2]);
  expect(await twice('/never')).toEqual(['miss', 2]);
  expect(await twice('/vary')).toEqual(['miss', 2]);
  const other = await call('fetch', { url: `${host.url}/fresh` }, { principal: 'other' });
  expect(other.pages[0]?.['cache']).toBe('miss');
});

it('never takes the 304 of another resource for its own', async () => {
  let isMoved = false;
  const host = await startHost({
    '/a': () =>
      isMoved
        ? { status: 302, headers: { location: '/b' } }
        : { ...html('<p>old'), headers: { etag: '"1"' } },
    '/b': (request) =>
      request.headers['if-none-match'] === '"1"'
        ? { status: 304 }
        : { ...html('<p>new'), headers: { etag: '"1"' } },
  });
  const { call } = await openBench();
  await call('fetch', { url: `${host.url}/a` });
  isMoved = true;
  expect((await call('fetch', { url: `${host.url}/a` })).text).toContain('new');
});

it.each([
  [{ 'cache-control': 'max-age=60' }, 60_000],
  [{ 'cache-control': 'max-age="60"', age: '20' }, 40_000],
  [{ 'cache-control': 'max-age=60, max-age=90' }, 0],
  [{ 'cache-control': 's-maxage=60' }, 0],
  [{ 'cache-control': 'max-age=60, no-cache="set-cookie"' }, 0],
  [{ expires: '0' }, 0],
  [{ date: 'Thu, 01 Jan 1970 00:16:40 GMT', expires: 'Thu, 01 Jan 1970 00:17:40 GMT' }, 60_000],
  [{ 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 100_000],
])('keeps an answer with %j for %i ms', (headers, expected) => {
  const times = { status: 200, requestedAt: 1_000_000, receivedAt: 1_000_000 };
  expect(toFreshness(headers, times).lifetimeMs).toBe(expected);
});

it('sends a host one request at a time', async () => {
  let under = 0;
  let most = 0;
  const page = (
    _request: unknown,
    response: { once(event: 'finish', done: () => void): unknown },
  ) => {
    most = Math.max(most, (under += 1));
    response.once('finish', () => (under -= 1));
    return new Promise<ReturnType<typeof html>>((resolve) => {
      setImmediate(() => resolve(html('<p>x')));
    });
  };
  const paths = Array.from({ length: 8 }, (_, n) => `/${n}`);
  const host = await startHost(Object.fromEntries(paths.map((path) => [path, page])));
  const { call } = await openBench({ env: { DRAWBRIDGE_FETCH_HOST_DELAY_MS: '5' } });
  const { pages } = await call('fetch', {
    urls: paths.map((path) => host.url + path),
    format: 'raw',
  });
  expect(pages.every(({ status }) => status === 200)).toBe(true);
  expect(most).toBe(1);
});

it('gives members turns, refuses when full, and forgets who went away', async () => {
  const queue = createFairQueue({
    maxWaiting: 4,
    maxOfMember: 3,
    toError: () => new ToolError('full'),
  });
  const { signal } = new AbortController();
  const order: string[] = [];
  const first = await queue.acquire('h', { member: 'a', signal });
  const gone = new AbortController();
  const left = queue.acquire('h', { member: 'c', signal: gone.signal });
  const others = ['a', 'a', 'b'].map(async (member) => {
    const release = await queue.acquire('h', { member, signal });
    order.push(member);
    release();
  });
  await expect(queue.acquire('h', { member: 'd', signal })).rejects.toThrow('full');
  gone.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  first();
  await Promise.all(others);
  expect(order).toEqual(['a', 'b', 'a']);
});
