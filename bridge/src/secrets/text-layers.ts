// What a text says when an encoding is taken off it, and where in the text each part of that stands.
// Only what lies near an encoded character can be a value that was not found before, so only that is
// decoded, up to the length of the longest value on each side. Places are worked out only when they are
// asked for, since most texts hold no secret.
import { isBase64 } from './value-index.ts';

/** `escapes` are JSON's, `percents` URLs', `wraps` the ends of lines within base64 or hex. */
export type Decoding = 'escapes' | 'percents' | 'both' | 'wraps';

/** Lines of base64 are 64 or 76 long (RFC 7468, RFC 2045), those of hex 60. */
const SHORTEST_WRAPPED = 48;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Stands in no UTF-8, so no value goes over it: what lay between two parts was left out. */
const GAP = 0xff;
/** Steps that are taken by hand before a search of the runtime is worth its call. */
const NEAR = 24;

interface Origin {
  readonly layer: Layer;
  readonly decoding: Decoding;
  readonly reach: number;
}

export class Layer {
  readonly bytes: Buffer;
  readonly length: number;
  readonly #from: Origin | undefined;
  #marks: readonly number[] | undefined;

  /** @param length of what the bytes hold; there may be more room */
  constructor(bytes: Buffer, length: number, from?: Origin) {
    this.bytes = bytes;
    this.length = length;
    this.#from = from;
  }

  has(byte: number): boolean {
    return findByte(this, byte, 0) !== -1;
  }

  /** Undefined when there is nothing to take off. `reach`: how much is wanted around each place. */
  decode(decoding: Decoding, reach: number): Layer | undefined {
    if (findNext(this, decoding, 0) === -1) return undefined;
    const out = Buffer.allocUnsafe(this.length + 1);
    const length = decodeInto(out, { layer: this, decoding, reach });
    return length === 0 ? undefined : new Layer(out, length, { layer: this, decoding, reach });
  }

  /** The place in the text itself of a place here. */
  toText(at: number): number {
    if (this.#from === undefined) return at;
    if (this.#marks === undefined) {
      const marks: number[] = [];
      decodeInto(Buffer.allocUnsafe(this.#from.layer.length + 1), this.#from, marks);
      this.#marks = marks;
    }
    return this.#from.layer.toText(at + toSkew(this.#marks, at));
  }
}

/** How far a place has moved: marks are pairs of a place and the distance from there on. */
function toSkew(marks: readonly number[], at: number): number {
  let low = 0;
  let high = marks.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle * 2] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : (marks[low * 2 - 1] ?? 0);
}

/** Returns how much was written: nothing when nothing is encoded. */
function decodeInto(out: Buffer, { layer, decoding, reach }: Origin, marks?: number[]): number {
  const { bytes, length } = layer;
  let to = 0;
  /** What lies before is written or left out. */
  let done = 0;
  const copy = (begin: number, end: number): void => {
    if (end - begin > NEAR) {
      bytes.copy(out, to, begin, end);
      to += end - begin;
    } else {
      for (let at = begin; at < end; at += 1) out[to++] = bytes[at] as number; // within its length
    }
    done = end;
  };
  let next = findNext(layer, decoding, 0);
  while (next !== -1) {
    const taken = take(layer, decoding, next);
    if (taken === NOTHING) {
      next = findNext(layer, decoding, bytes[next] === RETURN ? next + 2 : next + 1);
      continue;
    }
    const begin = Math.max(done, next - reach);
    if (begin > done) {
      out[to++] = GAP;
      marks?.push(to, begin - to);
    }
    copy(begin, next);
    if (decoding !== 'wraps') to = putCodePoint(out, to, taken >> LENGTH_BITS);
    done = next + (taken & LENGTH_MASK);
    marks?.push(to, done - to);
    next = findNext(layer, decoding, done);
    // Up to the next one, if that is near; it begins a part of its own otherwise.
    const end = next === -1 ? length : next;
    copy(done, Math.min(end, done + reach));
  }
  return to;
}

/** Above the code points: a byte of UTF-8 as it is. */
const RAW = 0x11_0000;
/** What `take` returns is one number: what is meant, and in its last bits the length. */
const LENGTH_BITS = 4;
const LENGTH_MASK = 15;
const NOTHING = 0;

/** What the encoded character at a place means, and its length; NOTHING when it only looks like one. */
function take({ bytes, length }: Layer, decoding: Decoding, at: number): number {
  if (decoding === 'wraps') {
    return isWrapped(bytes, at) ? (bytes[at] === RETURN ? 2 : 1) : NOTHING;
  }
  if (bytes[at] === PERCENT) {
    if (at + 2 >= length) return NOTHING;
    const high = HEX[bytes[at + 1] as number] as number;
    const low = HEX[bytes[at + 2] as number] as number;
    if (high === NO_HEX || low === NO_HEX) return NOTHING;
    return pack(RAW + high * 16 + low, 3);
  }
  const simple = at + 1 < length ? (SIMPLE[bytes[at + 1] as number] as number) : 0;
  if (simple !== 0) return pack(simple, 2);
  const unit = toUnit(bytes, at, length);
  if (unit === -1) return NOTHING;
  const low = unit >= 0xd800 && unit < 0xdc00 ? toUnit(bytes, at + 6, length) : -1;
  const isPair = low >= 0xdc00 && low < 0xe000;
  return isPair ? pack(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12) : pack(unit, 6);
}

function pack(meaning: number, length: number): number {
  return (meaning << LENGTH_BITS) | length;
}

/** Where an encoded character may begin, at a place or after it; -1 when none does. */
function findNext(layer: Layer, decoding: Decoding, from: number): number {
  switch (decoding) {
    case 'escapes':
      return findByte(layer, BACKSLASH, from);
    case 'percents':
      return findByte(layer, PERCENT, from);
    case 'wraps': {
      const end = findByte(layer, NEWLINE, from);
      return end > from && layer.bytes[end - 1] === RETURN ? end - 1 : end;
    }
    case 'both': {
      const { bytes, length } = layer;
      for (let at = from; at < length; at += 1) {
        const byte = bytes[at];
        if (byte === BACKSLASH || byte === PERCENT) return at;
      }
      return -1;
    }
  }
}

function findByte({ bytes, length }: Layer, byte: number, from: number): number {
  const near = Math.min(from + NEAR, length);
  for (let at = from; at < near; at += 1) if (bytes[at] === byte) return at;
  if (near === length) return -1;
  const found = bytes.indexOf(byte, near);
  return found < length ? found : -1;
}

/** Whether a line of base64 or hex ends here; it may begin with something else, such as a name. */
function isWrapped(bytes: Buffer, end: number): boolean {
  if (end < SHORTEST_WRAPPED) return false;
  for (let at = end - 1; at >= end - SHORTEST_WRAPPED; at -= 1)
    if (!isBase64(bytes[at])) return false;
  return true;
}

const NO_HEX = 255;
const HEX = new Uint8Array(256).fill(NO_HEX);
for (let digit = 0; digit < 16; digit += 1) {
  for (const text of [digit.toString(16), digit.toString(16).toUpperCase()])
    HEX[text.charCodeAt(0)] = digit;
}
/** What a letter after a backslash stands for (RFC 8259, section 7). */
const SIMPLE = new Uint8Array(256);
for (const [letter, meant] of ['""', '\\\\', '//', 'n\n', 't\t', 'r\r', 'b\b', 'f\f'])
  SIMPLE[String(letter).charCodeAt(0)] = String(meant).charCodeAt(0);

/** The code unit of `\uXXXX` at a place, or -1. */
function toUnit(bytes: Buffer, at: number, length: number): number {
  if (at + 6 > length || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1;
  let unit = 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    const value = HEX[bytes[digit] as number] as number;
    if (value === NO_HEX) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

/** In UTF-8; half of a pair as if it were a character. */
function putCodePoint(out: Buffer, at: number, point: number): number {
  let to = at;
  if (point < 0x80 || point >= RAW) {
    out[to++] = point & 0xff;
    return to;
  }
  if (point < 0x800) out[to++] = 0xc0 | (point >> 6);
  else {
    if (point < 0x10000) out[to++] = 0xe0 | (point >> 12);
    else {
      out[to++] = 0xf0 | (point >> 18);
      out[to++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[to++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[to++] = 0x80 | (point & 0x3f);
  return to;
}
