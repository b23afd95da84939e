// Takes secrets out of JSON text before it is written: values under names that tell a secret, tokens
// that are known by their shape, and the literal values the settings name. It works on the text, not
// on the parsed value, because that is one pass over characters and reaches JSON inside strings as
// well. Only few pairs of characters can end a telling name or prefix; the rest is passed by.
import { type FindValues, createFindValues } from './find-values.ts';
import { type Range, MARKER, cut } from './redaction-ranges.ts';
import { findNamedSecret } from './secret-names.ts';
import { type SecretShape, secretShapes } from './secret-shapes.ts';

/** JSON text in, JSON text without secrets out. */
export type Redact = (text: string) => string;

export interface RedactOptions {
  /** Values to hide wherever they stand; read at each call, since settings change. A new list is a new array. */
  readonly literals?: () => readonly string[];
}

const SIGN = 255;
const LONG = 1_024;
/** Most texts fit into one buffer that is used again and again. */
const scratch = Buffer.allocUnsafeSlow(16 * 1_024);

export function createRedact({ literals = () => [] }: RedactOptions = {}): Redact {
  const { lasts, kinds, groups } = createTable();
  const findLiterals = createFindLiterals(literals);
  return (text) => {
    const ranges: Range[] = [];
    /** Before here values of names, or long secrets, are redacted already: nothing is read twice. */
    let named = 0;
    let long = 0;
    // Bytes are read twice as fast as characters; what other characters are cut to is looked at again.
    const bytes = text.length <= scratch.length ? scratch : Buffer.allocUnsafe(text.length);
    const length = bytes.write(text, 'latin1');
    for (let at = 0; at < length; at += 1) {
      if (lasts[bytes[at] as number] === 0) continue; // within its length
      const kind = kinds[toPair(bytes[at - 1] ?? 0, bytes[at] ?? 0)];
      if (kind === 0 || kind === undefined) continue;
      if (kind === SIGN) {
        if (at >= named) named = Math.max(named, findNamedSecret(text, at, ranges));
      } else if (at >= long) {
        const end = findShapes(text, at + 1, { shapes: groups[kind - 1] ?? [], ranges });
        if (end - at > LONG) long = end;
      }
    }
    findLiterals(text, ranges);
    return cut(text, ranges);
  };
}

/** Hides the known values alone: for text in which names and tokens are examples, such as definitions. */
export function createRedactValues({ literals = () => [] }: RedactOptions = {}): Redact {
  const findLiterals = createFindLiterals(literals);
  return (text) => {
    const ranges: Range[] = [];
    findLiterals(text, ranges);
    return cut(text, ranges);
  };
}

/** Finds the literals as they are at each call; their index is made anew for a new array. */
function createFindLiterals(literals: () => readonly string[]): FindValues {
  let list: readonly string[] = [];
  let find = createFindValues(list);
  return (text, ranges) => {
    const current = literals();
    if (current !== list) {
      list = current;
      find = createFindValues(list);
    }
    find(text, ranges);
  };
}

/** Returns where the last secret found ends, or 0. */
function findShapes(
  text: string,
  at: number,
  { shapes, ranges }: { shapes: readonly SecretShape[]; ranges: Range[] },
): number {
  let end = 0;
  for (const { prefix, find } of shapes) {
    const place = text.startsWith(prefix, at - prefix.length) ? find(text, at) : undefined;
    if (place === undefined || place.end <= place.start) continue;
    ranges.push({ ...place, by: MARKER });
    end = place.end;
  }
  return end;
}

interface Table {
  /** By byte: whether a pair ends with it. Nearly all of a text is passed by with this one look. */
  readonly lasts: Uint8Array;
  /** By pair of characters: 0, {@link SIGN}, or the number of a group, from 1. */
  readonly kinds: Uint8Array;
  readonly groups: readonly SecretShape[][];
}

function createTable(): Table {
  const lasts = new Uint8Array(256);
  const kinds = new Uint8Array(128 * 128);
  const groups: SecretShape[][] = [];
  for (const shape of secretShapes) {
    const [before = 0, last = 0] = Buffer.from(shape.prefix.slice(-2));
    const pair = toPair(before, last);
    lasts[last] = 1;
    kinds[pair] ||= groups.push([]);
    groups[(kinds[pair] ?? 0) - 1]?.push(shape);
  }
  for (const sign of Buffer.from(':=')) {
    lasts[sign] = 1;
    for (let before = 0; before < 128; before += 1) kinds[toPair(before, sign)] = SIGN;
  }
  return { lasts, kinds, groups };
}

function toPair(before: number, last: number): number {
  return (before & 127) * 128 + (last & 127);
}
