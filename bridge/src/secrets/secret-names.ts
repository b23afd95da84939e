// Values under names that tell a secret: `"password": "…"` at any level of JSON inside strings,
// assignments (`API_KEY=…`, `?access_token=…`), and header lines (`Authorization: …`).
import { MARKER, type Range, closingDelimiter, delimiterAt } from './redaction-ranges.ts';

/** A secret's word at the end of a name. */
const NAME =
  /(?:passw(?:or)?ds?|passphrase|passcode|pwd|secrets?|token|api[-_ ]?keys?|(?:access|private|secret|signing|encryption|auth)[-_ ]?key|authorization|cookies?|credentials?|jwt)(?:[-_]?(?:hash|value|\d{1,3}))?$/i;
/** The last letters of such names; nearly all names are told apart by these alone. */
const ENDS = createEnds('rd ds se de wd et ts en ey ys on ie es al ls wt sh ue');
const MAX_NAME = 40;
/** What may stand between the sign and the value; escapes are white space of JSON in a string. */
const SPACE = /(?:\s|\\{1,64}[nrt]){0,64}/y;
/** Places in a text, or marks of a model's vocabulary, that are called tokens too. */
const HARMLESS =
  /(?:next|page|continuation|progress|sync|resume|cursor|eos|bos|pad|unk|sep|cls|mask|stop|start|end)[-_]?token$/i;
const HEADER = /(?:authorization|cookie|api[-_ ]?key)$/i;
const NUMBER = /-?\d[-+.0-9eE]*/y;
const ASSIGNED = /[^\s"'\\&;,<>()[\]{}]{1,4096}/y;
const LINE = /[^"\\\r\n]{1,8192}/y;
/** Unquoted text after a colon is mostly prose or code; a secret has a digit and some length. */
const PLAIN = /(?=[^\s"'\\,;<>()[\]{}]{0,64}\d)[^\s"'\\,;<>()[\]{}]{8,4096}/y;
const QUOTED = /'([^'"\\]{1,4096})/y;
/** A JSON Schema describes a secret and holds none. */
const SCHEMA =
  /^\{[^{}]{0,512}?"(?:\$ref|anyOf|oneOf|type\\{0,64}"\s{0,4}:\s{0,4}\[?\\{0,64}"(?:string|number|integer|boolean|object|array|null))\\{0,64}"/;
const SCHEMA_CHARACTERS = 1_024;
/** Six levels of JSON inside strings. */
const MAX_BACKSLASHES = 64;

/**
 * Looks at the `:` or `=` at an index, and adds what is a secret after it. Returns where that ends,
 * or 0; what lies before needs no second look.
 */
export function findNamedSecret(text: string, at: number, ranges: Range[]): number {
  const sign = text[at];
  if (sign !== ':' && sign !== '=') return 0;
  let end = at;
  while (at - end < 8 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  const close = text.charCodeAt(end - 1);
  let level: number | undefined;
  if (close === 0x22) {
    const quote = delimiterAt(text, end - 1);
    level = quote.level;
    end = quote.start;
  } else if (close === 0x27) {
    end -= 1;
  }
  if (ENDS[toEnd(text.charCodeAt(end - 2), text.charCodeAt(end - 1))] !== 1) return 0;
  const name = text.slice(Math.max(0, end - MAX_NAME), end);
  const word = NAME.exec(name)?.[0];
  if (word === undefined || HARMLESS.test(name)) return 0;
  const value = skip(SPACE, text, at + 1);
  return level !== undefined && sign === ':'
    ? findValue({ text, at: value, level, word, ranges })
    : findLoose({ text, at: value, spaced: value > at + 1, sign, name, ranges });
}

/** Whether a name alone tells that its value is a secret. */
export function isTellingName(name: string): boolean {
  return NAME.test(name) && !HARMLESS.test(name);
}

/** Two characters as a number, capitals as small letters; what is no ASCII becomes some other number. */
function toEnd(before: number, last: number): number {
  return ((before & 127) | 32) * 128 + ((last & 127) | 32);
}

function createEnds(ends: string): Uint8Array {
  const table = new Uint8Array(128 * 128);
  for (const end of ends.split(' ')) table[toEnd(end.charCodeAt(0), end.charCodeAt(1))] = 1;
  // A name may have a number at its end.
  for (let before = 32; before < 128; before += 1) {
    for (const digit of '0123456789') table[toEnd(before, digit.charCodeAt(0))] = 1;
  }
  return table;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

interface Value {
  readonly text: string;
  /** Where the value begins. */
  readonly at: number;
  /** The level of its name. */
  readonly level: number;
  readonly word: string;
  readonly ranges: Range[];
}

/** The value of a field in JSON: a string, a number, or all within an array or object. Returns where it ends. */
function findValue({ text, at, level, word, ranges }: Value): number {
  const open = openingAt(text, at);
  // A quote of a level further out ends the text that the name stands in.
  if (open !== undefined) return open.level < level ? at : addString(text, open, ranges);
  // A number called token is a count.
  const numbers = !/token$/i.test(word);
  const first = text[at];
  if (first === '[' || (first === '{' && !isSchema(text, at))) {
    return addWithin({ text, at, level, numbers, ranges });
  }
  return numbers ? addNumber({ text, at, level, ranges }) : at;
}

interface LooseValue {
  readonly text: string;
  readonly at: number;
  readonly spaced: boolean;
  readonly sign: string;
  readonly name: string;
  readonly ranges: Range[];
}

/** A value outside JSON: code, environment files, queries, header lines. Returns where it ends. */
function findLoose({ text, at, spaced, sign, name, ranges }: LooseValue): number {
  const open = openingAt(text, at);
  // A quote of the text itself is the end of the string that the name stands in.
  if (open !== undefined) return open.level === 0 ? at : addString(text, open, ranges);
  const quoted = skip(QUOTED, text, at);
  const pattern = toLoosePattern({ sign, spaced, name });
  if (quoted > at) {
    ranges.push({ start: at + 1, end: quoted, by: MARKER });
    return quoted;
  }
  const end = pattern === undefined ? at : skip(pattern, text, at);
  if (end > at) ranges.push({ start: at, end, by: MARKER });
  return end;
}

function toLoosePattern({
  sign,
  spaced,
  name,
}: Pick<LooseValue, 'sign' | 'spaced' | 'name'>): RegExp | undefined {
  if (sign === '=') return spaced ? undefined : ASSIGNED;
  return HEADER.test(name) ? LINE : PLAIN;
}

function addString(text: string, open: Opening, ranges: Range[]): number {
  const end = closingDelimiter(text, open.end, open.level)?.start ?? text.length;
  if (end > open.end) ranges.push({ start: open.end, end, by: MARKER });
  return end;
}

function addNumber({ text, at, level, ranges }: Omit<Value, 'word'>): number {
  const end = skip(NUMBER, text, at);
  const quote = `${'\\'.repeat(2 ** level - 1)}"`;
  if (end > at) ranges.push({ start: at, end, by: quote + MARKER + quote });
  return end;
}

/** Every string and number that is a value inside the array or object that begins at `at`. */
function addWithin({
  text,
  at: from,
  level,
  numbers,
  ranges,
}: Omit<Value, 'word'> & { readonly numbers: boolean }): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const open = openingAt(text, at);
    if (open === undefined) {
      const char = text[at];
      if (char === '[' || char === '{') depth += 1;
      if (char === ']' || char === '}') depth -= 1;
      at = Math.max(at + 1, numbers ? addNumber({ text, at, level, ranges }) : 0);
      if (depth === 0) return at;
      continue;
    }
    const close = closingDelimiter(text, open.end, open.level);
    if (open.level < level || close === undefined || close.level < level) return at;
    const isName = text[skip(SPACE, text, close.end)] === ':';
    if (!isName && close.start > open.end) {
      ranges.push({ start: open.end, end: close.start, by: MARKER });
    }
    at = close.end;
  }
  return at;
}

interface Opening {
  readonly level: number;
  /** After the quote. */
  readonly end: number;
}

/** The quote that begins at an index, its backslashes included. */
function openingAt(text: string, at: number): Opening | undefined {
  let quote = at;
  while (quote - at < MAX_BACKSLASHES && text.charCodeAt(quote) === 0x5c) quote += 1;
  if (text.charCodeAt(quote) !== 0x22) return undefined;
  const { level } = delimiterAt(text, quote);
  return { level, end: quote + 1 };
}

function isSchema(text: string, at: number): boolean {
  return SCHEMA.test(text.slice(at, at + SCHEMA_CHARACTERS));
}

/** Where a sticky pattern's match at an index ends; the index itself when there is none. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
