// The text of a Word document: paragraphs, headings, lists, tables and links, as Markdown or plain text.
import { ToolError } from '@drawbridge/kit';
import { Tokenizer } from 'htmlparser2';
import { toAbsolute } from './html-page.ts';
import { escapeMarkdown, renderTable, toLine } from './markdown-text.ts';
import { openZip } from './zip.ts';

const MAX_PART_BYTES = 50 * 1024 * 1024;
const MAX_CHARACTERS = 4_000_000;

interface XmlHandler {
  open(name: string, attributes: ReadonlyMap<string, string>): void;
  close(name: string): void;
  text(text: string): void;
}

/** Declarations are passed over, so no entity of the document's own is ever expanded. */
function readXml(xml: string, handler: XmlHandler): void {
  let name = '';
  let attributes = new Map<string, string>();
  let attribute = '';
  let value = '';
  const tokenizer = new Tokenizer(
    { xmlMode: true, decodeEntities: true },
    {
      onopentagname(start, end) {
        name = xml.slice(start, end);
        attributes = new Map();
      },
      onattribname(start, end) {
        attribute = xml.slice(start, end);
        value = '';
      },
      onattribdata: (start, end) => void (value += xml.slice(start, end)),
      onattribentity: (code) => void (value += String.fromCodePoint(code)),
      onattribend: () => void attributes.set(attribute, value),
      onopentagend: () => handler.open(name, attributes),
      onselfclosingtag() {
        handler.open(name, attributes);
        handler.close(name);
      },
      onclosetag: (start, end) => handler.close(xml.slice(start, end)),
      ontext: (start, end) => handler.text(xml.slice(start, end)),
      ontextentity: (code) => handler.text(String.fromCodePoint(code)),
      oncdata: () => {},
      oncomment: () => {},
      ondeclaration: () => {},
      onprocessinginstruction: () => {},
      onend: () => {},
    },
  );
  tokenizer.write(xml);
  tokenizer.end();
}

function readTargets(xml: string): Map<string, string> {
  const targets = new Map<string, string>();
  readXml(xml, {
    open(name, attributes) {
      const [id, target] = [attributes.get('Id'), attributes.get('Target')];
      if (name === 'Relationship' && id !== undefined && target !== undefined)
        targets.set(id, target);
    },
    close() {},
    text() {},
  });
  return targets;
}

function readTitle(xml: string): string {
  let isTitle = false;
  let title = '';
  readXml(xml, {
    open: (name) => void (isTitle = name === 'dc:title'),
    close: () => void (isTitle = false),
    text: (text) => void (isTitle && title.length < 1000 && (title += text)),
  });
  return title.trim();
}

/** @throws ToolError */
export function toDocxText(
  bytes: Uint8Array,
  format: 'markdown' | 'text',
): { text: string; title: string; isCut: boolean } {
  const isMarkdown = format === 'markdown';
  const unpack = openZip(bytes, MAX_PART_BYTES);
  const xml = unpack('word/document.xml')?.toString('utf8');
  if (xml === undefined)
    throw new ToolError('This is not a DOCX file.', { allowed: 'DOCX, PDF, HTML, text' });
  const targets = readTargets(unpack('word/_rels/document.xml.rels')?.toString('utf8') ?? '');
  const title = readTitle(unpack('docProps/core.xml')?.toString('utf8') ?? '');

  const blocks: string[] = [];
  let line: string[] = [];
  let prefix = '';
  let isText = false;
  let link: { target: string; at: number } | undefined;
  let tables = 0;
  let rows: string[][] = [];
  let cell: string[] = [];
  let characters = 0;
  const endParagraph = () => {
    const text = toLine(line, isMarkdown && prefix === '');
    line = [];
    if (text === '') return;
    if (tables > 0) cell.push(text);
    else blocks.push(`${prefix}${text}`);
  };
  readXml(xml, {
    open(name, attributes) {
      const value = attributes.get('w:val') ?? '';
      switch (name) {
        case 'w:t':
          isText = true;
          return;
        case 'w:p':
          prefix = '';
          return;
        case 'w:pStyle': {
          const level =
            /^(?:heading|berschrift|titre|titolo)\s?([1-6])$/i.exec(value)?.[1] ??
            (/^title$/i.test(value) ? '1' : undefined);
          if (level !== undefined && isMarkdown) prefix = `${'#'.repeat(Number(level))} `;
          return;
        }
        case 'w:numPr':
          if (!prefix.startsWith('#')) prefix ||= '- ';
          return;
        case 'w:ilvl':
          if (prefix === '- ' && /^[1-8]$/.test(value)) prefix = `${'  '.repeat(Number(value))}- `;
          return;
        case 'w:tab':
          line.push(' ');
          return;
        case 'w:br':
        case 'w:cr':
          line.push('\n');
          return;
        case 'w:hyperlink': {
          const target = toAbsolute(targets.get(attributes.get('r:id') ?? ''), 'about:blank');
          link = isMarkdown && target !== undefined ? { target, at: line.length } : undefined;
          return;
        }
        case 'w:tbl':
          tables += 1;
          if (tables === 1) rows = [];
          return;
        case 'w:tr':
          if (tables === 1) rows.push([]);
          return;
        case 'w:tc':
          if (tables === 1) cell = [];
          return;
        default:
      }
    },
    close(name) {
      switch (name) {
        case 'w:t':
          isText = false;
          return;
        case 'w:p':
          endParagraph();
          return;
        case 'w:hyperlink':
          if (link !== undefined) {
            const label = line.splice(link.at).join('');
            line.push(`[${label}](${link.target.replaceAll('(', '%28').replaceAll(')', '%29')})`);
            link = undefined;
          }
          return;
        case 'w:tc':
          if (tables === 1) rows.at(-1)?.push(cell.join('\n'));
          return;
        case 'w:tbl':
          tables = Math.max(0, tables - 1);
          if (tables === 0) blocks.push(renderTable(rows, isMarkdown));
          return;
        default:
      }
    },
    text(text) {
      characters += text.length;
      if (isText && characters <= MAX_CHARACTERS)
        line.push(isMarkdown ? escapeMarkdown(text) : text);
    },
  });
  endParagraph();
  return {
    text: blocks.filter((block) => block !== '').join('\n\n'),
    title,
    isCut: characters > MAX_CHARACTERS,
  };
}
