// HTML without what is not content: an allowlist of elements and attributes, addresses made absolute.
import { readHtml } from './html-events.ts';
import { isUnseen, toAbsolute } from './html-page.ts';

const KEPT: ReadonlySet<string> = new Set(
  'a abbr article aside b blockquote br caption cite code dd del details div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark menu nav ol p pre q s samp section small strong sub summary sup table tbody td tfoot th thead time tr u ul var'.split(
    ' ',
  ),
);
const INLINE: ReadonlySet<string> = new Set(
  'a abbr b cite code del em i ins kbd mark q s samp small strong sub sup time u var'.split(' '),
);
const MAX_CHARACTERS = 4_000_000;

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (c) =>
    c === '&' ? '&amp;' : c === '<' ? '&lt;' : c === '>' ? '&gt;' : '&quot;',
  );
}

export function cleanHtml(html: string, url: string): { text: string; isCut: boolean } {
  const parts: string[] = [];
  const hidden: boolean[] = [];
  let hiddenCount = 0;
  let characters = 0;
  let preformatted = 0;
  let base = url;
  const add = (part: string) => {
    characters += part.length;
    if (characters <= MAX_CHARACTERS) parts.push(part);
  };
  readHtml(html, {
    open(name, attributes) {
      if (name === 'base') base = toAbsolute(attributes.get('href'), url) ?? base;
      const isHidden = isUnseen(name, attributes) || name === 'textarea';
      hidden.push(isHidden);
      if (isHidden) hiddenCount += 1;
      if (hiddenCount > 0 || !KEPT.has(name)) return;
      if (name === 'pre') preformatted += 1;
      const shown = (attribute: string, value: string | undefined) =>
        value === undefined || value === '' ? '' : ` ${attribute}="${escapeHtml(value)}"`;
      add(
        `<${name}${shown('href', name === 'a' ? toAbsolute(attributes.get('href'), base) : undefined)}` +
          `${shown('src', name === 'img' ? toAbsolute(attributes.get('src'), base) : undefined)}` +
          `${['alt', 'title', 'colspan', 'rowspan', 'datetime'].map((each) => shown(each, attributes.get(each)?.slice(0, 1000))).join('')}>`,
      );
    },
    close(name) {
      const isHidden = hidden.pop();
      if (hiddenCount === 0 && KEPT.has(name) && !['br', 'hr', 'img'].includes(name))
        add(`</${name}>${INLINE.has(name) ? '' : '\n'}`);
      if (hiddenCount === 0 && name === 'pre') preformatted -= 1;
      if (isHidden === true) hiddenCount -= 1;
    },
    text(text) {
      if (hiddenCount === 0)
        add(escapeHtml(preformatted > 0 ? text : text.replaceAll(/[ \t\r\n\f]+/g, ' ')));
    },
  });
  return {
    text: parts.join('').trim(),
    isCut: characters > MAX_CHARACTERS,
  };
}
