// A file in the pieces that `search_code` ranks: a function each, with the comment above it, and what
// lies between. Every line belongs to a piece, because references are looked for in them as well.
import { createWordSplitter, toChunks } from '@drawbridge/retrieval';
import type { Extent } from './extract-symbols.ts';
import type { CodeSymbol } from './symbol.ts';

export interface CodeChunk {
  startLine: number;
  endLine: number;
  /** Of the definition that it is, if it is one. */
  name: string;
  names: string;
  comments: string;
  body: string;
}

const OWN_CHUNK = new Set([
  'function',
  'method',
  'class',
  'interface',
  'struct',
  'trait',
  'enum',
  'module',
  'rule',
  'type',
  'macro',
]);
const HOLDS_OTHERS = new Set(['class', 'interface', 'struct', 'trait', 'module']);
/** A type with more lines is cut into its members. */
const MOST_WHOLE = 24;

const split = createWordSplitter();

interface Range {
  from: number;
  to: number;
  symbol: CodeSymbol | undefined;
}

/** The lines of comments right above `line`. */
function withCommentAbove(line: number, least: number, commentLines: readonly boolean[]): number {
  let from = line;
  while (from - 1 >= least && commentLines[from - 1] === true) from -= 1;
  return from;
}

/** Ranges that cover `from` to `to` once; `symbols` are those in it, by their starts. */
function toRanges(
  outer: Range,
  symbols: readonly CodeSymbol[],
  commentLines: readonly boolean[],
): Range[] {
  const ranges: Range[] = [];
  let at = outer.from;
  let index = 0;
  while (index < symbols.length) {
    const symbol = symbols[index] as CodeSymbol; // the index is in range
    index += 1;
    if (!OWN_CHUNK.has(symbol.kind) || symbol.startLine < at || symbol.endLine > outer.to) continue;
    const from = withCommentAbove(symbol.startLine, at, commentLines);
    if (from > at) ranges.push({ from: at, to: from - 1, symbol: outer.symbol });
    const inner: CodeSymbol[] = [];
    for (let next = symbols[index]; next !== undefined; next = symbols[index]) {
      if (next.start >= symbol.end) break;
      inner.push(next);
      index += 1;
    }
    const range = { from, to: symbol.endLine, symbol };
    const isLong = symbol.endLine - symbol.startLine >= MOST_WHOLE;
    if (isLong && HOLDS_OTHERS.has(symbol.kind)) {
      ranges.push(...toRanges(range, inner, commentLines));
    } else ranges.push(range);
    at = symbol.endLine + 1;
  }
  if (at <= outer.to) ranges.push({ from: at, to: outer.to, symbol: outer.symbol });
  return ranges;
}

/** The text of lines, its comments apart. */
function partOf(text: string, extent: Extent, comments: readonly Extent[]) {
  const [code, prose]: [string[], string[]] = [[], []];
  let at = extent.start;
  // The first comment that ends behind the start.
  let [low, high] = [0, comments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((comments[middle]?.end ?? 0) <= extent.start) low = middle + 1;
    else high = middle;
  }
  for (let index = low; index < comments.length; index += 1) {
    const { start, end } = comments[index] as Extent; // the index is in range
    if (start >= extent.end) break;
    code.push(text.slice(at, Math.max(at, start)));
    prose.push(text.slice(Math.max(start, extent.start), Math.min(end, extent.end)));
    at = Math.max(at, Math.min(end, extent.end));
  }
  code.push(text.slice(at, extent.end));
  return { code: code.join(' '), prose: prose.join(' ') };
}

export function extractChunks(
  text: string,
  { symbols, comments }: { symbols: readonly CodeSymbol[]; comments: readonly Extent[] },
): CodeChunk[] {
  const lines = text.split('\n');
  const starts = [0];
  for (const line of lines) starts.push((starts.at(-1) ?? 0) + line.length + 1);
  const commentLines: boolean[] = [];
  let next = 0;
  for (let line = 1; line <= lines.length; line += 1) {
    const [start = 0, end = 0] = [starts[line - 1], starts[line]];
    while ((comments[next]?.end ?? Infinity) <= start) next += 1;
    const comment = comments[next];
    if (comment === undefined || comment.start >= end) continue;
    commentLines[line] = comment.start <= start || text.slice(start, comment.start).trim() === '';
  }
  const chunks: CodeChunk[] = [];
  let first = 0;
  for (const { from, to, symbol } of toRanges(
    { from: 1, to: lines.length, symbol: undefined },
    symbols,
    commentLines,
  )) {
    for (const { start, end } of toChunks(lines.slice(from - 1, to), from)) {
      const extent = {
        start: starts[start - 1] ?? 0,
        end: Math.min(starts[end] ?? 0, text.length),
      };
      const { code, prose } = partOf(text, extent, comments);
      while ((symbols[first]?.start ?? Infinity) < extent.start) first += 1;
      const inside: string[] = [];
      for (let index = first; index < symbols.length; index += 1) {
        const each = symbols[index] as CodeSymbol; // the index is in range
        if (each.start >= extent.end) break;
        inside.push(each.name);
      }
      const own = symbol === undefined ? [] : [symbol.name, symbol.container];
      chunks.push({
        startLine: start,
        endLine: end,
        name: symbol?.name ?? '',
        names: split([...own, ...inside.filter((name) => name !== symbol?.name)].join(' ')),
        comments: split(prose),
        body: split(code),
      });
    }
  }
  return chunks;
}
