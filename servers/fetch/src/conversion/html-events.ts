// Reads HTML as a stream of events that nest properly, in time that grows with its length alone: 100,000
// elements inside one another cost no recursion and no search. That is why this is no parser of a package.
import { Tokenizer } from 'htmlparser2';

export type Attributes = ReadonlyMap<string, string>;

export interface HtmlHandler {
  open(name: string, attributes: Attributes): void;
  close(name: string): void;
  text(text: string): void;
  /** What stands in CDATA, which HTML takes for a comment and XML for text. */
  cdata?(text: string): void;
}

const VOID: ReadonlySet<string> = new Set(
  'area base br col embed hr img input link meta param source track wbr'.split(' '),
);
const FLOW =
  'address article aside blockquote center details dialog dir div dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr main menu nav ol p pre section table ul';

/** What an opening tag ends, when it is the innermost open element. */
const CLOSED_BY: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ...FLOW.split(' ').map((name): [string, ReadonlySet<string>] => [name, new Set(['p'])]),
  ['li', new Set(['li', 'p'])],
  ['dt', new Set(['dt', 'dd', 'p'])],
  ['dd', new Set(['dt', 'dd', 'p'])],
  ['td', new Set(['td', 'th', 'p'])],
  ['th', new Set(['td', 'th', 'p'])],
  ['tr', new Set(['tr', 'td', 'th', 'p'])],
  ['tbody', new Set(['thead', 'tbody', 'tr', 'td', 'th'])],
  ['thead', new Set(['tbody', 'tr', 'td', 'th'])],
  ['tfoot', new Set(['thead', 'tbody', 'tr', 'td', 'th'])],
  ['option', new Set(['option'])],
  ['a', new Set(['a'])],
]);
const MAX_ATTRIBUTE = 64 * 1024;

/** @throws what the handler throws, to stop early */
export function readHtml(html: string, handler: HtmlHandler): void {
  const open: string[] = [];
  const counts = new Map<string, number>();
  let tag = '';
  let attributes = new Map<string, string>();
  let attribute = '';
  let value: string[] = [];

  const pop = () => {
    const name = open.pop();
    if (name === undefined) return;
    counts.set(name, (counts.get(name) ?? 1) - 1);
    handler.close(name);
  };
  const closeTag = (name: string) => {
    if ((counts.get(name) ?? 0) === 0) return;
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      pop();
      if (top === name) return;
    }
  };
  const openTag = (isClosed: boolean) => {
    const ends = CLOSED_BY.get(tag);
    for (let top = open.at(-1); top !== undefined && ends?.has(top) === true; top = open.at(-1))
      pop();
    handler.open(tag, attributes);
    if (VOID.has(tag) || isClosed) {
      handler.close(tag);
      return;
    }
    open.push(tag);
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
  };

  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      onopentagname(start, end) {
        tag = html.slice(start, end).toLowerCase();
        attributes = new Map();
      },
      onattribname(start, end) {
        attribute = html.slice(start, end).toLowerCase();
        value = [];
      },
      onattribdata: (start, end) => void value.push(html.slice(start, end)),
      onattribentity: (code) => void value.push(String.fromCodePoint(code)),
      onattribend() {
        if (!attributes.has(attribute))
          attributes.set(attribute, value.join('').slice(0, MAX_ATTRIBUTE));
      },
      onopentagend: () => openTag(false),
      // HTML does not know the slash; only in SVG and MathML would it close.
      onselfclosingtag: () => openTag((counts.get('svg') ?? 0) > 0),
      onclosetag(start, end) {
        const name = html.slice(start, end).toLowerCase();
        if (name === 'br') {
          handler.open('br', new Map());
          handler.close('br');
        } else closeTag(name);
      },
      ontext: (start, end) => handler.text(html.slice(start, end)),
      ontextentity: (code) => handler.text(String.fromCodePoint(code)),
      oncdata: (start, end, offset) => handler.cdata?.(html.slice(start, end - offset)),
      oncomment: () => {},
      ondeclaration: () => {},
      onprocessinginstruction: () => {},
      onend: () => {},
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  while (open.length > 0) pop();
}
