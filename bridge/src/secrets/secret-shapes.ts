// Secrets that are known by their shape wherever they stand: tokens with a prefix of their maker,
// JWTs, credentials of HTTP and of URLs, private keys. No match holds a quote or a backslash, except
// inside a private key, so it lies inside one string and between its escapes.
import { backslashesBefore, delimiterAt } from './redaction-ranges.ts';

interface Place {
  readonly start: number;
  readonly end: number;
}

export interface SecretShape {
  readonly prefix: string;
  /** The secret, given where the prefix ends; the prefix goes with it unless it starts later. */
  readonly find: (text: string, at: number) => Place | undefined;
}

export const secretShapes: readonly SecretShape[] = [
  { prefix: 'sk-', find: word(3, /[A-Za-z0-9_-]{16,}/y) },
  { prefix: 'hf_', find: word(3, /[A-Za-z0-9]{30,}/y) },
  { prefix: 'eyJ', find: word(3, /[\w-]{8,}\.[\w-]{8,}\.[\w-]*/y) },
  ...shaped(['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'], /[A-Za-z0-9]{10,}/y),
  ...shaped(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], /[A-Za-z0-9]{20,}/y),
  ...shaped(['github_pat_', 'glpat-', 'dbk_'], /[\w-]{20,}/y),
  ...shaped(['AKI', 'ASI'], /A[A-Z0-9]{16}/y),
  ...shaped(['AI'], /za[\w-]{35}/y),
  ...shaped(['npm_'], /[A-Za-z0-9]{36}/y),
  ...shaped(
    Array.from('abeoprs', (kind) => `xox${kind}-`),
    /[A-Za-z0-9-]{10,}/y,
  ),
  ...['Bearer ', 'bearer ', 'BEARER '].map((prefix) => ({ prefix, find: findBearer })),
  ...['Basic ', 'basic ', 'BASIC '].map((prefix) => ({ prefix, find: findBasic })),
  { prefix: '//', find: findPassword },
  { prefix: 'PRIVATE KEY-----', find: findPrivateKey },
];

/** Whether a whole value is a token that is known by its maker's prefix. */
export function isToken(value: string): boolean {
  return secretShapes.some(({ prefix, find }) => {
    const place = value.startsWith(prefix) ? find(value, prefix.length) : undefined;
    return place?.start === 0 && /^[\w-]*$/.test(value.slice(place.end));
  });
}

/** A PEM file of 32,768 bits is 26 KB. */
const MAX_KEY = 65_536;

function shaped(prefixes: readonly string[], rest: RegExp): SecretShape[] {
  return prefixes.map((prefix) => ({
    prefix,
    find: (text, at) => toPlace(rest, text, at, at - prefix.length),
  }));
}

/** The prefix must begin a word; the letter of an escape such as `\n` before it does not count. */
function word(length: number, rest: RegExp): SecretShape['find'] {
  return (text, at) => {
    const start = at - length;
    const before = text.slice(Math.max(0, start - 2), start);
    return /(?:^|[^\w-]|\\[bfnrt])$/.test(before) ? toPlace(rest, text, at, start) : undefined;
  };
}

function toPlace(rest: RegExp, text: string, at: number, start = at): Place | undefined {
  rest.lastIndex = at;
  return rest.test(text) ? { start, end: rest.lastIndex } : undefined;
}

/** Tells a token from prose such as "Bearer authentication". */
function findBearer(text: string, at: number): Place | undefined {
  return toPlace(
    /[\w.~+/=-]{20,}|(?=[A-Za-z._~+/=-]{0,19}\d)[\w.~+/=-]{8,}/y,
    text,
    skipSpaces(text, at),
  );
}

/** Tells user and password from prose such as "Basic understanding". */
function findBasic(text: string, at: number): Place | undefined {
  const place = toPlace(/[A-Za-z0-9+/=]{8,1024}/y, text, skipSpaces(text, at));
  if (place === undefined) return undefined;
  const decoded = Buffer.from(text.slice(place.start, place.end), 'base64');
  return decoded.includes(':') ? place : undefined;
}

function skipSpaces(text: string, at: number): number {
  let from = at;
  while (from - at < 8 && text.charCodeAt(from) === 0x20) from += 1;
  return from;
}

/** `//user:password@host`: the password. */
function findPassword(text: string, at: number): Place | undefined {
  const user = toPlace(/[^\s/?#"'\\<>@:]{0,256}:/y, text, at);
  const rest = user && toPlace(/[^\s/?#"'\\<>]{1,512}@/y, text, user.end);
  return rest && { start: rest.start, end: rest.end - 1 };
}

/** What a private key holds between its lines; one that is cut off ends with its string. */
function findPrivateKey(text: string, at: number): Place | undefined {
  if (!/BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----$/.test(text.slice(Math.max(0, at - 64), at))) {
    return undefined;
  }
  const rest = text.slice(at, at + MAX_KEY);
  const tail = rest.indexOf('-----END');
  const quote = rest.indexOf('"');
  if (tail !== -1 && (quote === -1 || tail < quote)) return { start: at, end: at + tail };
  if (quote !== -1) return { start: at, end: delimiterAt(text, at + quote).start };
  if (rest.length < MAX_KEY) return { start: at, end: text.length };
  // What was read may end inside an escape, which is six characters at most; a run of backslashes begins one.
  const escape = rest.slice(-6).indexOf('\\');
  const end = at + MAX_KEY;
  if (escape === -1) return { start: at, end };
  const slash = end - 6 + escape;
  return { start: at, end: slash - backslashesBefore(text, slash) };
}
