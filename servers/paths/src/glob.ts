// Matches paths against globs in time proportional to pattern times path, so that no pattern can
// explode as a regular expression made from it could.
import { ToolError } from '@drawbridge/kit';
import { inQuotes } from './shown.ts';

export type Matcher = (path: string) => boolean;

const MAX_ALTERNATIVES = 256;
const MAX_PATTERN = 1024;

/** `{a,b}` as the patterns it stands for; braces may nest. */
function alternatives(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  let from = open + 1;
  const parts: string[] = [];
  for (let at = open; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === '{') depth += 1;
    else if (char === ',' && depth === 1) {
      parts.push(pattern.slice(from, at));
      from = at + 1;
    } else if (char === '}') {
      depth -= 1;
      if (depth > 0) continue;
      parts.push(pattern.slice(from, at));
      const rest = pattern.slice(at + 1);
      const all = parts.flatMap((part) => alternatives(`${pattern.slice(0, open)}${part}${rest}`));
      if (all.length > MAX_ALTERNATIVES) throw new ToolError('The glob has too many alternatives.');
      return all;
    }
  }
  throw new ToolError(`The glob ${inQuotes(pattern)} has an open "{".`);
}

/** Two-pointer matching of a sequence with stars; a star stands for any number of items. */
function matchSequence<Item>(
  pattern: readonly ('star' | ((item: Item) => boolean))[],
  items: ArrayLike<Item>,
): boolean {
  let [p, i] = [0, 0];
  let back: { p: number; i: number } | undefined;
  while (i < items.length) {
    const part = pattern[p];
    const item = items[i] as Item; // i is in range
    if (part === 'star') {
      back = { p, i };
      p += 1;
    } else if (part !== undefined && part(item)) {
      p += 1;
      i += 1;
    } else if (back !== undefined) {
      back.i += 1;
      [p, i] = [back.p + 1, back.i];
    } else return false;
  }
  while (pattern[p] === 'star') p += 1;
  return p === pattern.length;
}

function characterClass(body: string): (char: string) => boolean {
  const negated = /^[!^]/.test(body);
  const chars = negated ? body.slice(1) : body;
  const ranges: [string, string][] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const [low = '', dash, high] = [chars[at], chars[at + 1], chars[at + 2]];
    if (dash === '-' && high !== undefined) {
      ranges.push([low, high]);
      at += 2;
    } else ranges.push([low, low]);
  }
  return (char) => ranges.some(([low, high]) => low <= char && char <= high) !== negated;
}

function toSegment(segment: string): (name: string) => boolean {
  const parts: ('star' | ((char: string) => boolean))[] = [];
  for (let at = 0; at < segment.length; at += 1) {
    const char = segment[at] ?? '';
    const close = char === '[' ? segment.indexOf(']', at + 2) : -1;
    if (char === '*') parts.push('star');
    else if (char === '?') parts.push(() => true);
    else if (close > 0) {
      parts.push(characterClass(segment.slice(at + 1, close)));
      at = close;
    } else {
      const literal = char === '\\' ? (segment[(at += 1)] ?? '\\') : char;
      parts.push((given) => given === literal);
    }
  }
  if (parts.every((part) => part === 'star') && parts.length > 0) return () => true;
  // A character beyond the basic plane takes two places in a string.
  return (name) => matchSequence(parts, /[\ud800-\udfff]/.test(name) ? [...name] : name);
}

/**
 * `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of folders. A pattern without "/" is compared
 * with the last name alone; one that ends in "/" matches what is in that folder.
 */
export function toMatcher(glob: string): Matcher {
  if (glob.length > MAX_PATTERN) throw new ToolError('The glob is too long.');
  const matchers = alternatives(glob).map((pattern): Matcher => {
    if (!pattern.includes('/')) {
      const literalEnd = /^\*(\.[\w.-]+)$/.exec(pattern)?.[1];
      if (literalEnd !== undefined) return (path) => path.endsWith(literalEnd);
      const matches = toSegment(pattern);
      return (path) => matches(path.slice(path.lastIndexOf('/') + 1));
    }
    const segments = pattern
      .replace(/^\.?\//, '')
      // What is in a folder, not the folder itself.
      .replace(/\/(\*\*)?$/, '/**/*')
      .split('/')
      .map((segment) => (segment === '**' ? ('star' as const) : toSegment(segment)));
    return (path) => matchSequence(segments, path.split('/'));
  });
  return (path) => matchers.some((matches) => matches(path));
}
