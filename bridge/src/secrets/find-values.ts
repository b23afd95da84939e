// Finds known secrets in JSON text, through the encodings that hide them: JSON's escapes at any depth
// of JSON inside strings, URLs' percent signs, and base64 and hex (value-forms.ts). Each encoding is
// taken off the whole text a bounded number of times, so the time is linear. Made from a list of
// strings, so any thread can make its own.
import { type Range, MARKER, closingDelimiter } from './redaction-ranges.ts';
import { type Decoding, Layer } from './text-layers.ts';
import { toValueForms } from './value-forms.ts';
import { createValueIndex } from './value-index.ts';

/** Adds the places of values to `ranges`. */
export type FindValues = (text: string, ranges: Range[]) => void;

/** What is taken off one after the other, each time from what is left. */
const chains: readonly (readonly Decoding[])[] = [
  ['escapes', 'escapes', 'escapes', 'escapes', 'escapes'],
  ['both', 'both', 'both', 'both', 'both'],
  ['percents', 'percents'],
];
const PERCENT = 0x25;
const NUMBER = /[-+.0-9eE]/;

interface Hit {
  readonly start: number;
  readonly end: number;
}

export function createFindValues(values: readonly string[]): FindValues {
  const index = createValueIndex(toValueForms(values));
  if (index.isEmpty) return () => {};

  const search = (layer: Layer, hits: Hit[]): void => {
    let [from, to] = [0, -1];
    const add = (): void => {
      if (to !== -1) hits.push({ start: layer.toText(from), end: layer.toText(to) });
    };
    index.find(layer.bytes, layer.length, (start, end) => {
      // A value that is its own beginning, over and over, is one place.
      if (start >= from && start < to) {
        to = Math.max(to, end);
        return;
      }
      add();
      [from, to] = [start, end];
    });
    add();
  };
  const searchAll = (layer: Layer, hits: Hit[]): void => {
    search(layer, hits);
    const joined = layer.decode('wraps', index.longest);
    if (joined !== undefined) search(joined, hits);
  };

  return (text, ranges) => {
    const root = toRoot(text);
    const hits: Hit[] = [];
    const hasEscapes = text.includes('\\');
    // What a string of JSON says is what stands there once its escapes are taken off.
    const base = (hasEscapes && root.decode('escapes', Number.POSITIVE_INFINITY)) || root;
    const isEncoded = hasEscapes || text.includes('%');
    // Without escapes no string has lines.
    if (hasEscapes) searchAll(base, hits);
    else search(base, hits);
    for (const [first, ...rest] of isEncoded ? chains : []) {
      // Without a percent sign, taking both off is taking escapes off.
      if (first === undefined || (first === 'both' && !mayHavePercents(base))) continue;
      let layer = base.decode(first, index.longest);
      for (const next of [...rest, undefined]) {
        if (layer === undefined) break;
        searchAll(layer, hits);
        layer = next && layer.decode(next, index.longest);
      }
    }
    if (hits.length > 0) addRanges(text, toCharacters(text, root, sort(hits)), ranges);
  };
}

/** Most texts fit into one buffer that is used again and again. */
const scratch = Buffer.allocUnsafeSlow(16 * 1_024);

function toRoot(text: string): Layer {
  // A character is three bytes of UTF-8 at most.
  if (text.length * 3 <= scratch.length) {
    const length = scratch.write(text);
    return new Layer(scratch.subarray(0, length), length);
  }
  const bytes = Buffer.from(text);
  return new Layer(bytes, bytes.length);
}

/** A percent sign may be escaped itself. */
function mayHavePercents(layer: Layer): boolean {
  return layer.has(PERCENT) || layer.bytes.subarray(0, layer.length).includes('u0025');
}

/** Each place once, in their order; those that overlap stay apart, since one may be no secret. */
function sort(hits: readonly Hit[]): Hit[] {
  const sorted = hits.toSorted((a, b) => a.start - b.start || b.end - a.end);
  return sorted.filter(
    ({ start, end }, at) => sorted[at - 1]?.start !== start || sorted[at - 1]?.end !== end,
  );
}

/** Places among bytes as places among characters. */
function toCharacters(
  text: string,
  { bytes, length }: Layer,
  hits: readonly Hit[],
): readonly Hit[] {
  if (length === text.length) return hits;
  const places = [...new Set(hits.flatMap(({ start, end }) => [start, end]))].toSorted(
    (a, b) => a - b,
  );
  const characters = new Map<number, number>();
  let byte = 0;
  let character = 0;
  for (const place of places) {
    character += bytes.toString('utf8', byte, place).length;
    byte = place;
    characters.set(place, character);
  }
  return hits.map(({ start, end }) => ({
    start: characters.get(start) ?? 0,
    end: characters.get(end) ?? 0,
  }));
}

/** Keeps the text valid JSON: what is no part of one string, and no number, is no secret. */
function addRanges(text: string, hits: readonly Hit[], ranges: Range[]): void {
  let quote = -1;
  let close = -1;
  const nextString = (): void => {
    quote = text.indexOf('"', close + 1);
    close = quote === -1 ? -1 : (closingDelimiter(text, quote + 1, 0)?.start ?? text.length);
  };
  nextString();
  for (const { start, end } of hits) {
    while (quote !== -1 && close < start) nextString();
    const isInString = quote !== -1 && quote < start && end <= close;
    const range = isInString ? { start, end, by: MARKER } : toNumberRange(text, start, end);
    if (range !== undefined) ranges.push(range);
  }
}

function toNumberRange(text: string, from: number, to: number): Range | undefined {
  let [start, end] = [from, to];
  while (NUMBER.test(text[start - 1] ?? '')) start -= 1;
  while (NUMBER.test(text[end] ?? '')) end += 1;
  const whole = text.slice(start, end);
  return /^-?\d[-+.0-9eE]*$/.test(whole) ? { start, end, by: `"${MARKER}"` } : undefined;
}
