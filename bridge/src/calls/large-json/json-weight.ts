// Estimates from the bytes of JSON what memory its parsed value takes. A body of 2 MB may become a hundred
// times its size: every object, list, member and item costs memory, however short it is written. Brackets
// inside strings do not count. For bytes that are not JSON any estimate will do: the parser stops at the
// first error, and everything before it was counted right.
import { DrawbridgeError } from '../../errors.ts';

export interface JsonWeight {
  /** Containers within containers. */
  readonly depth: number;
  /** Bytes that the parsed values will take beside the text. */
  readonly weight: number;
}

/** The limits of a request's body; no tool's arguments come near them. */
export const REQUEST_LIMITS: JsonWeight = { depth: 128, weight: 8 * 1024 * 1024 };

/** In bytes, as V8 of Node 20 keeps them. */
const CONTAINER = 64;
const MEMBER = 64;
const ITEM = 16;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Strings up to this length are read byte by byte; the end of a longer one is found with `indexOf`. */
const SHORT_STRING = 32;

/** Stops when a limit is passed; the returned value is then over it. */
export function weighJson(text: Buffer, limits: JsonWeight): JsonWeight {
  let depth = 0;
  let deepest = 0;
  let weight = 0;
  for (let at = 0; at < text.length && weight <= limits.weight; at += 1) {
    switch (text[at]) {
      case QUOTE:
        at = toStringEnd(text, at + 1);
        break;
      case COMMA:
        weight += ITEM;
        break;
      case COLON:
        weight += MEMBER;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        weight += CONTAINER;
        depth += 1;
        if (depth <= deepest) break;
        deepest = depth;
        if (depth > limits.depth) return { depth, weight };
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      default:
    }
  }
  return { depth: deepest, weight };
}

/**
 * The weight of a request's body.
 * @throws DrawbridgeError `request/invalid` when it is nested too deep, `request/too_large` when it holds
 * too many values
 */
export function weighRequest(body: Buffer): number {
  const { depth, weight } = weighJson(body, REQUEST_LIMITS);
  if (depth > REQUEST_LIMITS.depth) throw tooDeep();
  if (weight > REQUEST_LIMITS.weight) throw tooManyValues();
  return weight;
}

/** Where the quote stands that ends the string which begins at `start`. */
function toStringEnd(text: Buffer, start: number): number {
  let from = start;
  for (;;) {
    const end = Math.min(from + SHORT_STRING, text.length);
    let at = from;
    for (; at < end; at += 1) {
      const byte = text[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at += 1;
    }
    if (at >= text.length) return text.length;
    const quote = text.indexOf(QUOTE, at);
    if (quote === -1) return text.length;
    let backslashes = 0;
    // The bytes before `at` end outside of an escape, so no backslash there escapes this quote.
    while (quote - backslashes > at && text[quote - backslashes - 1] === BACKSLASH)
      backslashes += 1;
    if (backslashes % 2 === 0) return quote;
    from = quote + 1;
  }
}

export function tooDeep(): DrawbridgeError {
  return new DrawbridgeError(
    'request/invalid',
    `The body is nested deeper than ${REQUEST_LIMITS.depth} levels.`,
  );
}

export function tooManyValues(): DrawbridgeError {
  return new DrawbridgeError(
    'request/too_large',
    'The body holds too many values: more than 130,000 objects or lists, or 500,000 items.',
  );
}
