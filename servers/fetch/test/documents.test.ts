import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { html, openBench, startHost } from './harness.ts';

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** One page with a line of text, or with a content stream of one's own. */
function makePdf(
  content: Buffer = Buffer.from('BT /F1 24 Tf 72 700 Td (Words in a PDF) Tj ET'),
  filter = '',
): Buffer {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>',
    '',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ];
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')];
  const offsets: number[] = [];
  const at = () => parts.reduce((sum, part) => sum + part.length, 0);
  for (const [index, object] of objects.entries()) {
    offsets.push(at());
    const body =
      index === 3
        ? Buffer.concat([
            Buffer.from(`<</Length ${content.length}${filter}>>stream\n`),
            content,
            Buffer.from('\nendstream'),
          ])
        : Buffer.from(object);
    parts.push(Buffer.from(`${index + 1} 0 obj\n`), body, Buffer.from('\nendobj\n'));
  }
  const start = at();
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(
    Buffer.from(
      `xref\n0 6\n0000000000 65535 f \n${rows}trailer<</Size 6/Root 1 0 R>>\nstartxref\n${start}\n%%EOF`,
    ),
  );
  return Buffer.concat(parts);
}

function makeZip(files: Record<string, string | Buffer>): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), packed]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(at, 10);
    central.push(
      Buffer.concat([
        Buffer.from('PK\u0001\u0002'),
        Buffer.from([20, 0]),
        common,
        entry,
        Buffer.from(name),
      ]),
    );
    locals.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(central.length, 8);
  end.writeUInt16LE(central.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

const paragraph = (text: string, style = '') => `<w:p>${style}<w:r><w:t>${text}</w:t></w:r></w:p>`;
const docx = (body: string) =>
  makeZip({
    'word/document.xml': `<?xml version="1.0"?><w:document><w:body>${body}</w:body></w:document>`,
    'word/_rels/document.xml.rels':
      '<Relationships><Relationship Id="r1" Target="https://example.com/"/></Relationships>',
  });

it('reads a PDF by its type, and by its bytes where the type says nothing', async () => {
  const host = await startHost({
    '/a.pdf': { type: 'application/pdf', body: makePdf() },
    '/b': { type: 'application/octet-stream', body: makePdf() },
  });
  const { call } = await openBench();
  for (const path of ['/a.pdf', '/b'])
    expect((await call('fetch', { url: host.url + path })).text).toContain(
      '## Page 1\n\nWords in a PDF',
    );
});

it('reads a DOCX: headings, lists, tables, links', async () => {
  const style = (name: string) => `<w:pPr><w:pStyle w:val="${name}"/></w:pPr>`;
  const body = `${paragraph('The head', style('Heading2'))}${paragraph('item', '<w:pPr><w:numPr><w:ilvl w:val="0"/></w:numPr></w:pPr>')}<w:tbl><w:tr><w:tc>${paragraph('A')}</w:tc><w:tc>${paragraph('B')}</w:tc></w:tr></w:tbl><w:p><w:hyperlink r:id="r1"><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>`;
  const host = await startHost({ '/': { type: DOCX, body: docx(body) } });
  const { call } = await openBench();
  const { text } = await call('fetch', { url: host.url });
  for (const part of ['## The head', '- item', '| A | B |', '[link](https://example.com/)'])
    expect(text).toContain(part);
});

it.each([
  ['a PDF that is none', 'application/pdf', Buffer.from('%PDF-1.4 and nothing more'), /PDF/],
  ['a PDF without text', 'application/pdf', makePdf(Buffer.from('q Q')), /no text/],
  ['a DOCX that is none', DOCX, Buffer.from('PK\u0003\u0004 and nothing more'), /damaged/],
  [
    'a DOCX that unpacks to 60 MB',
    DOCX,
    makeZip({ 'word/document.xml': Buffer.alloc(60 * 1024 * 1024, 32) }),
    /too large unpacked/,
  ],
  [
    'a PDF whose page unpacks to 600 MB',
    'application/pdf',
    makePdf(deflateSync(Buffer.alloc(600 * 1024 * 1024, 32)), '/Filter/FlateDecode'),
    /memory|took more than|no text/,
  ],
])('says what is wrong with %s, and goes on', async (_what, type, body, expected) => {
  const host = await startHost({ '/': { type, body }, '/next': html('<p>fine') });
  const { call } = await openBench();
  const { isError, text } = await call('fetch', { url: host.url });
  expect(isError).toBe(true);
  expect(text).toMatch(expected);
  expect((await call('fetch', { url: `${host.url}/next` })).text).toContain('fine');
});

it('lists links once each, absolute, with text and rel, paged and by kind', async () => {
  const host = await startHost({
    '/': html(
      '<base href="/docs/"><a href="a">First</a><a href="a">Again</a><a href="https://example.com/x" rel="nofollow"><img alt="Out"></a><a href="mailto:x@example.com">m</a><a href="javascript:x()">j</a><a href="b#part">B</a>',
    ),
  });
  const { call } = await openBench();
  const all = await call('extract_links', { url: host.url, limit: 2 });
  expect(all.output).toMatchObject({
    total: 3,
    links: [
      { url: `${host.url}/docs/a`, text: 'First', rel: '', internal: true },
      { url: 'https://example.com/x', text: 'Out', rel: 'nofollow', internal: false },
    ],
  });
  const rest = await call('extract_links', { url: host.url, limit: 2, cursor: all.output['next'] });
  expect(rest.output['links']).toMatchObject([{ url: `${host.url}/docs/b#part` }]);
  const external = await call('extract_links', { url: host.url, internal: false });
  expect(external.output['total']).toBe(1);
});

it('shows headers without cookies, and the way there', async () => {
  const host = await startHost({
    '/a': { status: 301, headers: { location: '/b' } },
    '/b': { type: 'text/html', headers: { 'x-more': 'yes', 'set-cookie': 'secret=1' } },
  });
  const { call } = await openBench();
  const { output, text } = await call('fetch_headers', { url: `${host.url}/a` });
  expect(output).toMatchObject({
    url: `${host.url}/b`,
    status: 200,
    redirects: 1,
  });
  expect(text).toContain('x-more: yes');
  expect(text).toContain(`301 from ${host.url}/a`);
  expect(text).not.toContain('secret');
  expect(host.seen).toEqual(['HEAD /a', 'HEAD /b']);
});

it('lists sitemaps of robots.txt: indexes, gzip, CDATA, pages; circles and failures end', async () => {
  const urls = (from: number, to: number, base: string) =>
    `<?xml version="1.0"?><urlset>${Array.from({ length: to - from }, (_, n) => `<url><loc><![CDATA[${base}/p${from + n}]]></loc><lastmod>2026-11-01</lastmod></url>`).join('')}</urlset>`;
  const routes: Parameters<typeof startHost>[0] = {};
  const host = await startHost(routes);
  const loc = (path: string) => `<sitemap><loc>${host.url}${path}</loc></sitemap>`;
  Object.assign(routes, {
    '/robots.txt': {
      type: 'text/plain',
      body: `Sitemap: ${host.url}/index.xml\nSitemap: ${host.url}/list.txt`,
    },
    '/index.xml': {
      type: 'text/xml',
      body: `<sitemapindex>${loc('/one.xml.gz')}${loc('/index.xml')}${loc('/gone.xml')}</sitemapindex>`,
    },
    '/one.xml.gz': { type: 'application/gzip', body: gzipSync(urls(0, 5, host.url)) },
    '/list.txt': { type: 'text/plain', body: `${host.url}/t1\nnonsense\n${host.url}/p1` },
    '/bomb.xml': { type: 'application/gzip', body: gzipSync(Buffer.alloc(60 * 1024 * 1024)) },
  });
  const { call } = await openBench();
  const first = await call('sitemap', { url: host.url, limit: 4 });
  expect(first.output).toMatchObject({ total: 6, problems: ['A sitemap answered 404.'] });
  const rest = await call('sitemap', { url: host.url, limit: 4, cursor: first.output['next'] });
  const found = [first, rest].flatMap(({ output }) => output['urls'] as { url: string }[]);
  expect(new Set(found.map(({ url }) => url))).toEqual(
    new Set([...[0, 1, 2, 3, 4].map((n) => `${host.url}/p${n}`), `${host.url}/t1`]),
  );
  expect((await call('sitemap', { url: `${host.url}/bomb.xml` })).text).toContain(
    'too large unpacked',
  );
});
