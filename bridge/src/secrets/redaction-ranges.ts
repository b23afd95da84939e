// Places in JSON text, and the quotes that bound them. JSON inside a string inside JSON has its quotes
// escaped again at each level, so the number of backslashes before a quote tells its level.

export const MARKER = '[redacted]';

/** Text from `start` up to `end` is replaced by `by`. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** A quote that delimits a string. */
export interface Delimiter {
  /** 0 in the text itself, 1 in JSON inside one of its strings, and so on. */
  readonly level: number;
  /** Where the quote's own backslashes begin. */
  readonly start: number;
  /** After the quote. */
  readonly end: number;
}

export function cut(text: string, ranges: readonly Range[]): string {
  if (ranges.length === 0) return text;
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, by } of ranges.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    // What overlaps is one secret found twice: its marker stands already.
    if (start >= from) parts.push(text.slice(from, start), by);
    from = Math.max(from, end);
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** The delimiter whose quote stands at `at`. */
export function delimiterAt(text: string, at: number): Delimiter {
  const run = backslashesBefore(text, at);
  // Unescaping halves the backslashes and takes the odd one with the quote: the level is the number
  // of ones at the end of the count in binary.
  let level = 0;
  for (let rest = run; rest % 2 === 1; rest = (rest - 1) / 2) level += 1;
  return { level, start: at - (2 ** level - 1), end: at + 1 };
}

/** The delimiter that closes a string of this level, or of one around it where the text breaks off. */
export function closingDelimiter(text: string, from: number, level: number): Delimiter | undefined {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    const found = delimiterAt(text, at);
    if (found.level <= level) return found;
  }
  return undefined;
}

/** How many backslashes stand right before an index. */
export function backslashesBefore(text: string, at: number): number {
  let from = at;
  while (from > 0 && text.charCodeAt(from - 1) === 0x5c) from -= 1;
  return at - from;
}
