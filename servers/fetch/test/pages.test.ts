import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { html, openBench, startHost } from './harness.ts';

const paragraph = (n: number) =>
  `<p>Paragraph ${n} has enough words, commas, and sense to count as the content of an article. It goes on, and on.</p>`;

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  it('is shown exactly what is shipped', async () => {
    const { client } = await openBench({ era });
    const { tools } = await client.listTools();
    const url = new URL('../../../registry/definitions/fetch.json', import.meta.url);
    expect(JSON.parse(await readFile(url, 'utf8'))).toMatchObject({
      serverInfo: client.getServerVersion(),
      instructions: client.getInstructions(),
      tools,
    });
  });

  it('reads a page as Markdown, with what is known of it', async () => {
    const host = await startHost({
      '/a': {
        ...html('<h1>Hello</h1><p>A <a href="/b">link</a>.</p>'),
        headers: { etag: '"1"', 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' },
      },
    });
    const { call } = await openBench({ era });
    const { text, pages } = await call('fetch', { url: `${host.url}/a` });
    expect(pages[0]).toMatchObject({
      url: `${host.url}/a`,
      status: 200,
      type: 'text/html',
      charset: 'utf-8',
      cache: 'miss',
      etag: '"1"',
    });
    expect(pages[0]?.['hash']).toMatch(/^[0-9a-f]{64}$/);
    expect(text).toContain('# Hello');
    expect(text).toContain(`A [link](${host.url}/b).`);
    expect(text).toMatch(
      new RegExp(
        `<<drawbridge-fence [^]*Title: A title\nURL: ${host.url}/a\n[^]*<<drawbridge-fence`,
      ),
    );
  });
});

describe('a page', () => {
  it('becomes its article, or all of it when the article would lose content', async () => {
    const article = `<nav><a href="/">Home</a></nav><article><h1>On</h1>${[1, 2, 3, 4, 5, 6].map(paragraph).join('')}</article><footer>Imprint</footer>`;
    const split = `<article>${[1, 2, 3].map(paragraph).join('')}</article><div class="sidebar comment"><table><tr><th>Key<th>Value<tr><td>lost?<td>no</table></div>`;
    const host = await startHost({ '/article': html(article), '/split': html(split) });
    const { call } = await openBench();
    const one = await call('fetch', { url: `${host.url}/article` });
    expect(one.pages[0]).toMatchObject({ mode: 'article' });
    expect(one.text).toContain('Paragraph 6');
    expect(one.text).not.toContain('Imprint');
    const full = await call('fetch', { url: `${host.url}/article`, full: true });
    expect(full.text).toContain('Imprint');
    const two = await call('fetch', { url: `${host.url}/split` });
    expect(two.text).toContain('| lost? | no |');
  });

  it('keeps tables, code, lists and pictures, and drops what is not seen', async () => {
    const host = await startHost({
      '/': html(
        `<table><tr><th>A<th>B<tr><td>1<td>2|3</table><pre><code class="language-js">let a = "<b>";\n  b();</code></pre>
         <ul><li>one<ol start="3"><li>three</ol></ul><img src="i.png" alt="picture"><script>evil()</script><style>x{}</style>
         <p hidden>hidden1</p><p style="display:none">hidden2</p><noscript>hidden3</noscript><a href="javascript:alert(1)">plain</a>`,
      ),
    });
    const { call } = await openBench();
    const { text } = await call('fetch', { url: host.url });
    expect(text).toContain('| A | B |\n| --- | --- |\n| 1 | 2\\|3 |');
    expect(text).toContain('```js\nlet a = "";\n  b();');
    expect(text).toContain('- one\n  3. three');
    expect(text).toContain(`![picture](${host.url}/i.png)`);
    expect(text).not.toMatch(/evil|x\{\}|hidden\d|javascript/);
    const plain = await call('fetch', { url: host.url, format: 'text' });
    expect(plain.text).not.toMatch(/!\[|```/);
    const clean = await call('fetch', { url: host.url, format: 'html' });
    expect(clean.text).toContain(`<img src="${host.url}/i.png" alt="picture">`);
    expect(clean.text).not.toMatch(/evil|javascript/);
    const raw = await call('fetch', { url: host.url, format: 'raw' });
    expect(raw.text).toContain('<script>evil()</script>');
  });

  it.each([
    ['noscript alone', '<noscript><p>the text</p></noscript><div id="app"></div>'],
    ['a hidden body', '<div style="display:none">the text</div>'],
    ['a form alone', '<form><label>the text<input></label></form>'],
    ['a fragment without tags around it', 'the text'],
  ])('is never empty when it had text: %s', async (_what, body) => {
    const host = await startHost({ '/': { type: 'text/html', body } });
    const { call } = await openBench();
    expect((await call('fetch', { url: host.url })).text).toContain('the text');
  });

  it('comes in parts that lose nothing, and by section', async () => {
    const body = Array.from(
      { length: 40 },
      (_, n) => `<h2>Part ${n}</h2>${paragraph(n)}<p>😀😀😀😀</p>`,
    ).join('');
    const host = await startHost({ '/': html(body) });
    const { call } = await openBench();
    const inside = (text: unknown) => String(text).split('\n').slice(3, -1).join('\n');
    const whole = await call('fetch', { url: host.url, full: true });
    let joined = '';
    for (let cursor: unknown; ;) {
      const { pages } = await call('fetch', {
        url: host.url,
        full: true,
        length: 333,
        ...(cursor !== undefined && { cursor }),
      });
      joined += inside(pages[0]?.['content']);
      expect(pages[0]?.['content']).not.toMatch(/\ufffd/);
      cursor = pages[0]?.['next'];
      if (cursor === undefined) break;
    }
    expect(joined).toBe(inside(whole.pages[0]?.['content']));
    const section = await call('fetch', { url: host.url, section: 'part 7' });
    expect(section.text).toContain('Paragraph 7 ');
    expect(section.text).not.toContain('Paragraph 8 ');
    const none = await call('fetch', { url: host.url, section: 'absent' });
    expect(none.isError).toBe(true);
    expect(none.text).toMatch(/drawbridge-fence[^]*Part 3/);
    const wrong = await call('fetch', { url: `${host.url}/other`, cursor: 'x.1' });
    expect(wrong.text).toContain('does not belong');
  });

  it.each([
    ['the header', 'text/html; charset=iso-8859-2', Buffer.from([0xb1]), 'ą'],
    [
      'meta',
      'text/html',
      Buffer.concat([Buffer.from('<meta charset="shift_jis">'), Buffer.from([0x93, 0xfa])]),
      '日',
    ],
    ['a byte order mark', 'text/html; charset=latin1', Buffer.from('\ufeffä', 'utf16le'), 'ä'],
    ['nothing, being UTF-8', 'text/html', Buffer.from('Zoë'), 'Zoë'],
    ['nothing, not being UTF-8', 'text/html', Buffer.from([0x93, 0x61, 0x94]), '“a”'],
  ])('is decoded by %s', async (_by, type, body, expected) => {
    const host = await startHost({ '/': { type, body } });
    const { call } = await openBench();
    expect((await call('fetch', { url: host.url })).text).toContain(expected);
  });
});

it('prints JSON as it was written, and leaves text and XML alone', async () => {
  const host = await startHost({
    '/j': {
      type: 'application/problem+json',
      body: '{"n":12345678901234567890,"a":[],"b":[1,{}]}',
    },
    '/t': { type: 'text/plain', body: '<b>*x*</b>\r\nnext' },
    '/x': { type: 'application/rss+xml', body: '<?xml version="1.0"?><rss><title>a</title></rss>' },
    '/sniffed': { body: '<!doctype html><p>seen <b>as</b> HTML' },
    '/octets': { type: 'application/octet-stream', body: 'plain words' },
  });
  const { call } = await openBench();
  const get = async (path: string) => (await call('fetch', { url: host.url + path })).text;
  expect(await get('/j')).toContain(
    '{\n  "n": 12345678901234567890,\n  "a": [],\n  "b": [\n    1,\n    {}\n  ]\n}',
  );
  expect(await get('/t')).toContain('<b>*x*</b>\nnext');
  expect(await get('/x')).toContain('<rss><title>a</title></rss>');
  expect(await get('/sniffed')).toContain('seen **as** HTML');
  expect(await get('/octets')).toContain('plain words');
});

it('refuses what has no text, whatever its label, and gives its bytes when asked', async () => {
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]);
  const host = await startHost({
    '/p': { type: 'image/png', body: png },
    '/l': { type: 'text/plain', body: png },
  });
  const { call } = await openBench();
  for (const path of ['/p', '/l']) {
    const refused = await call('fetch', { url: host.url + path });
    expect(refused.isError).toBe(true);
    expect(refused.text).toContain('Allowed: HTML, PDF, DOCX, JSON, XML and plain text');
    const raw = await call('fetch', { url: host.url + path, format: 'raw' });
    expect(raw.text).toContain(png.toString('base64'));
  }
});

it('answers ten URLs each for itself, with progress', async () => {
  const host = await startHost(
    Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`/${n}`, html(`<p>page ${n}`)])),
  );
  const { call } = await openBench();
  const good = [1, 2, 3, 4, 5, 6].map((n) => `${host.url}/${n}`);
  const bad = ['http://10.0.0.1/', 'file:///etc/passwd', 'nonsense', 'http://user:pw@127.0.0.1/'];
  const told: number[] = [];
  const { pages, text } = await call(
    'fetch',
    { urls: [...good, ...bad] },
    { onprogress: ({ progress }) => told.push(progress) },
  );
  expect(pages).toHaveLength(10);
  for (const n of [1, 2, 3, 4, 5, 6]) expect(pages[n - 1]?.['content']).toContain(`page ${n}`);
  for (const page of pages.slice(6)) expect(page['error']).toBeTypeOf('string');
  expect(text).toContain('[10 of 10] failed');
  expect(told.at(-1)).toBe(10);
});

it('says which arguments go together', async () => {
  const { call } = await openBench();
  expect((await call('fetch')).text).toContain('Allowed: url, or urls');
  expect((await call('fetch', { uri: 'http://x/' })).text).toContain('use "url"');
  expect((await call('fetch', { url: 'http://x/', section: 'a', format: 'raw' })).text).toContain(
    'markdown',
  );
});
