// Writes HTML as Markdown or as plain text while it is read. Only elements that need their whole content
// before they can be written (a link, a list item, a table) have a frame; how deep frames go is bounded, so
// the work is too. Whatever the page, its text comes out.
import { isUnseen, toAbsolute } from './html-page.ts';
import { readHtml, type Attributes, type HtmlHandler } from './html-events.ts';
import { escapeMarkdown, renderTable, toCodeBlock, toCodeSpan, toLine } from './markdown-text.ts';

export interface WriteOptions {
  /** The URL that addresses in the page are relative to. */
  url: string;
  format: 'markdown' | 'text';
  /** Elements that are usually not shown (noscript, hidden ones) are written as well; scripts never are. */
  withHidden?: boolean;
}

export interface Written {
  text: string;
  title: string;
  /** What addresses in the page are relative to. */
  base: string;
  /** The page's own description of itself. */
  description: string;
  /** Characters of text outside of navigation, headers, footers and forms. */
  mainLength: number;
  textLength: number;
  elements: number;
  depth: number;
  /** Tables and code blocks outside of navigation and the like. */
  solids: number;
  isCut: boolean;
}

type FrameKind =
  | 'root'
  | 'quote'
  | 'list'
  | 'item'
  | 'table'
  | 'row'
  | 'cell'
  | 'pre'
  | 'heading'
  | 'link'
  | 'mark'
  | 'code';

interface Frame {
  kind: FrameKind;
  /** Of inline text that is not a block yet. */
  line: string[];
  blocks: string[];
  /** What belongs to the kind: the target of a link, the sign of a mark, the level of a heading. */
  detail: string;
  /** Of a table. */
  rows: string[][];
  /** Of a list: the next number, or none. */
  number: number | undefined;
}

const MAX_FRAMES = 48;
/** Beyond this many elements, text is only divided into blocks. */
const MAX_FRAMED = 300_000;
const MAX_CHARACTERS = 4_000_000;
const INLINE: ReadonlySet<FrameKind> = new Set(['link', 'mark', 'code', 'heading']);
const MARKS: Readonly<Record<string, string>> = {
  b: '**',
  strong: '**',
  i: '*',
  em: '*',
  del: '~~',
  s: '~~',
};
const ASIDE: ReadonlySet<string> = new Set(
  'nav header footer aside form button select dialog'.split(' '),
);
const BLOCKS: ReadonlySet<string> = new Set(
  'address article aside body blockquote caption center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol optgroup option p pre section summary table tbody td tfoot th thead tr ul'.split(
    ' ',
  ),
);
const NEVER: ReadonlySet<string> = new Set(['script', 'style', 'template']);

function createFrame(kind: FrameKind, detail = ''): Frame {
  return { kind, line: [], blocks: [], detail, rows: [], number: undefined };
}

function indent(text: string, first: string, others: string): string {
  return text
    .split('\n')
    .map((line, index) => (index === 0 ? first + line : line === '' ? '' : others + line))
    .join('\n');
}

function languageOf(attributes: Attributes): string {
  const names = attributes.get('class')?.slice(0, 500) ?? '';
  return /(?:^|\s)(?:lang(?:uage)?-|highlight-source-)([\w+#-]{1,30})/.exec(names)?.[1] ?? '';
}

export function writeHtml(
  html: string,
  { url, format, withHidden = false }: WriteOptions,
): Written {
  const isMarkdown = format === 'markdown';
  const frames: Frame[] = [createFrame('root')];
  /** For each open element the frame that it opened, if any. */
  const opened: (Frame | undefined)[] = [];
  const seen = {
    title: '',
    description: '',
    mainLength: 0,
    textLength: 0,
    elements: 0,
    depth: 0,
    solids: 0,
    isCut: false,
  };
  let base = url;
  let characters = 0;
  let hiddenAt = -1;
  let asideAt = -1;
  let titleAt = -1;

  const top = (): Frame => frames.at(-1) ?? createFrame('root');
  const add = (text: string) => {
    characters += text.length;
    if (characters > MAX_CHARACTERS) seen.isCut = true;
    else top().line.push(text);
  };
  const flush = (frame: Frame) => {
    const text = toLine(frame.line, isMarkdown && frame.kind !== 'pre');
    frame.line = [];
    if (text !== '') frame.blocks.push(text);
  };
  /** A block begins or ends here. */
  const breakLine = () => {
    const frame = top();
    if (frame.kind === 'pre') return;
    if (INLINE.has(frame.kind)) frame.line.push(' ');
    else flush(frame);
  };
  const block = (frame: Frame, text: string) => {
    if (text === '') return;
    if (INLINE.has(frame.kind)) frame.line.push(` ${text.replaceAll('\n', ' ')} `);
    else {
      flush(frame);
      frame.blocks.push(text);
    }
  };
  const push = (frame: Frame): Frame | undefined => {
    if (frames.length >= MAX_FRAMES || seen.elements > MAX_FRAMED) return undefined;
    frames.push(frame);
    return frame;
  };
  const joined = (frame: Frame): string => {
    flush(frame);
    return frame.blocks.join('\n\n');
  };

  const closeFrame = (frame: Frame) => {
    // Frames that were opened inside of it and never closed do not exist: events nest.
    frames.pop();
    const parent = top();
    const inline = () => frame.line.join('');
    switch (frame.kind) {
      case 'link': {
        const label = toLine(frame.line, false).replaceAll('\n', ' ');
        const text = inline();
        const [before, after] = [/^\s/.test(text) ? ' ' : '', /\s$/.test(text) ? ' ' : ''];
        const isLink = isMarkdown && frame.detail !== '' && label !== '';
        const target = frame.detail.replaceAll(/[()<>\s\\]/g, (c) =>
          encodeURIComponent(c).replace('(', '%28').replace(')', '%29'),
        );
        parent.line.push(before, isLink ? `[${label}](${target})` : label, after);
        characters += target.length;
        return;
      }
      case 'mark': {
        const text = inline();
        const inner = text.trim();
        const isPlain = inner === '' || parent.detail === frame.detail;
        const at = text.indexOf(inner);
        parent.line.push(
          isPlain
            ? text
            : `${text.slice(0, at)}${frame.detail}${inner}${frame.detail}${text.slice(at + inner.length)}`,
        );
        return;
      }
      case 'code':
        parent.line.push(isMarkdown ? toCodeSpan(inline()) : inline());
        return;
      case 'heading': {
        const text = toLine(frame.line, false).replaceAll('\n', ' ');
        block(
          parent,
          text === '' ? '' : isMarkdown ? `${'#'.repeat(Number(frame.detail))} ${text}` : text,
        );
        return;
      }
      case 'pre': {
        const text = inline().replace(/^\n/, '').trimEnd();
        block(parent, text === '' ? '' : isMarkdown ? toCodeBlock(text, frame.detail) : text);
        return;
      }
      case 'quote': {
        const text = joined(frame);
        block(
          parent,
          text === ''
            ? ''
            : isMarkdown
              ? text
                  .split('\n')
                  .map((line) => `> ${line}`.trimEnd())
                  .join('\n')
              : text,
        );
        return;
      }
      case 'item': {
        flush(frame);
        const text = frame.blocks.join('\n');
        const sign = parent.number === undefined ? '- ' : `${parent.number++}. `;
        if (text !== '') {
          flush(parent);
          parent.blocks.push(indent(text, sign, ' '.repeat(sign.length)));
        }
        return;
      }
      case 'list':
        flush(frame);
        block(parent, frame.blocks.join('\n'));
        return;
      case 'cell':
        flush(frame);
        (parent.rows[0] ??= []).push(frame.blocks.join('\n'));
        return;
      case 'row':
        if (frame.line.some((part) => part.trim() !== ''))
          (frame.rows[0] ??= []).push(toLine(frame.line, false));
        if (frame.rows[0] !== undefined) parent.rows.push(frame.rows[0]);
        parent.blocks.push(...frame.blocks);
        return;
      case 'table':
        flush(frame);
        // What stands in a table outside of its cells, such as the caption.
        for (const each of frame.blocks) block(parent, each);
        block(parent, renderTable(frame.rows, isMarkdown));
        return;
      case 'root':
        return;
    }
  };

  const openFrame = (name: string, attributes: Attributes): Frame | undefined => {
    const { kind } = top();
    if (kind === 'pre') {
      if (name === 'br') add('\n');
      if (name === 'code') top().detail ||= languageOf(attributes);
      return undefined;
    }
    if (BLOCKS.has(name)) breakLine();
    if (/^h[1-6]$/.test(name)) return push(createFrame('heading', name.slice(1)));
    switch (name) {
      case 'br':
        add(INLINE.has(kind) ? ' ' : '\n');
        return undefined;
      case 'hr':
        if (isMarkdown) block(top(), '---');
        return undefined;
      case 'img': {
        const alt = (attributes.get('alt') ?? '').slice(0, 1000).replaceAll(/\s+/g, ' ').trim();
        const source = toAbsolute(attributes.get('src') ?? attributes.get('data-src'), base);
        const label = isMarkdown ? escapeMarkdown(alt) : alt;
        if (isMarkdown && kind !== 'link' && source !== undefined)
          add(`![${label}](${source.replaceAll(/[()]/g, (c) => (c === '(' ? '%28' : '%29'))})`);
        else if (alt !== '') add(label);
        return undefined;
      }
      case 'a': {
        const target = toAbsolute(attributes.get('href'), base);
        return kind === 'link' ? undefined : push(createFrame('link', target ?? ''));
      }
      case 'code':
      case 'kbd':
      case 'samp':
      case 'tt':
        return kind === 'code' ? undefined : push(createFrame('code'));
      case 'pre':
        if (asideAt < 0) seen.solids += 1;
        return INLINE.has(kind) ? undefined : push(createFrame('pre', languageOf(attributes)));
      case 'blockquote':
        return push(createFrame('quote'));
      case 'ul':
      case 'ol':
      case 'menu': {
        const frame = createFrame('list');
        const start = Number(attributes.get('start') ?? 1);
        if (name === 'ol')
          frame.number = Number.isSafeInteger(start) && Math.abs(start) < 1e9 ? start : 1;
        return push(frame);
      }
      case 'li':
        return push(createFrame('item'));
      case 'table':
        if (asideAt < 0) seen.solids += 1;
        return INLINE.has(kind) ? undefined : push(createFrame('table'));
      case 'tr':
        return kind === 'table' ? push(createFrame('row')) : undefined;
      case 'td':
      case 'th':
        return kind === 'row' ? push(createFrame('cell')) : undefined;
      default: {
        const mark = isMarkdown ? MARKS[name] : undefined;
        return mark === undefined || kind === 'code' ? undefined : push(createFrame('mark', mark));
      }
    }
  };

  const handler: HtmlHandler = {
    open(name, attributes) {
      seen.elements += 1;
      seen.depth = Math.max(seen.depth, opened.length);
      if (name === 'title' && seen.title === '' && (counts.svg ?? 0) === 0) titleAt = opened.length;
      if (name === 'svg') counts.svg += 1;
      if (name === 'base') base = toAbsolute(attributes.get('href'), url) ?? base;
      if (name === 'meta') noteDescription(attributes);
      const isHidden = withHidden ? NEVER.has(name) || name === 'head' : isUnseen(name, attributes);
      if (hiddenAt < 0 && isHidden) hiddenAt = opened.length;
      if (asideAt < 0 && ASIDE.has(name)) asideAt = opened.length;
      opened.push(hiddenAt < 0 && !seen.isCut ? openFrame(name, attributes) : undefined);
    },
    close(name) {
      const frame = opened.pop();
      if (name === 'svg') counts.svg -= 1;
      if (frame !== undefined) closeFrame(frame);
      if (hiddenAt < 0 && BLOCKS.has(name)) breakLine();
      if (opened.length === hiddenAt) hiddenAt = -1;
      if (opened.length === asideAt) asideAt = -1;
      if (opened.length === titleAt) titleAt = -1;
    },
    text(text) {
      if (titleAt >= 0) {
        if (seen.title.length < 1000) seen.title += text.slice(0, 1000);
        return;
      }
      if (hiddenAt >= 0) return;
      const { kind } = top();
      if (kind === 'pre') {
        add(text);
        return;
      }
      const plain = text.replaceAll(/[ \t\r\n\f]+/g, ' ');
      const { length } = plain.trim();
      seen.textLength += length;
      if (asideAt < 0) seen.mainLength += length;
      // White space between rows and cells is none.
      if (length === 0 && ['table', 'row', 'list'].includes(kind)) return;
      add(isMarkdown && kind !== 'code' ? escapeMarkdown(plain) : plain);
    },
  };
  const counts = { svg: 0 };
  const noteDescription = (attributes: Attributes) => {
    const name = (attributes.get('name') ?? attributes.get('property') ?? '').toLowerCase();
    if (seen.description === '' && (name === 'description' || name === 'og:description'))
      seen.description = (attributes.get('content') ?? '').slice(0, 2000).trim();
  };

  readHtml(html, handler);
  const [root = createFrame('root')] = frames;
  const title = seen.title.replaceAll(/\s+/g, ' ').trim();
  const text = joined(root);
  const isCut = seen.isCut || text.length > MAX_CHARACTERS;
  return { ...seen, title, base, text: text.slice(0, MAX_CHARACTERS), isCut };
}
