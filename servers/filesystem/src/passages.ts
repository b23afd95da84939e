// Finds a passage in a text in time proportional to both, whatever they are: the searches that are
// built in compare a long passage anew at each character of a text that repeats itself.
//
// Unless a passage is taken literally, a line end in it stands for either kind, LF or CRLF.

import type { Passage } from '@drawbridge/paths';

export interface FindOptions {
  /** Whether a line end matches its own kind alone. */
  literal: boolean;
  /** Passages kept; the others are only counted. */
  most: number;
}

const LF = 10;
const CR = 13;

function withoutCarriageReturns(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** For each length of a beginning of `part`, the longest shorter beginning that it ends with. */
function failuresOf(part: string): Int32Array {
  const failures = new Int32Array(part.length + 1);
  let length = 0;
  for (let at = 1; at < part.length; at += 1) {
    while (length > 0 && part.charCodeAt(at) !== part.charCodeAt(length)) {
      length = failures[length] ?? 0;
    }
    if (part.charCodeAt(at) === part.charCodeAt(length)) length += 1;
    failures[at + 1] = length;
  }
  return failures;
}

/** Passages that do not overlap, from the first on, and how many there are. */
export function findPassages(
  text: string,
  given: string,
  { literal, most }: FindOptions,
): { passages: Passage[]; count: number } {
  const part = literal ? given : withoutCarriageReturns(given);
  const failures = failuresOf(part);
  const isSkipped = (at: number): boolean =>
    !literal && text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF;
  const passages: Passage[] = [];
  let [count, length] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    if (isSkipped(at)) continue;
    const code = text.charCodeAt(at);
    while (length > 0 && code !== part.charCodeAt(length)) length = failures[length] ?? 0;
    if (code === part.charCodeAt(length)) length += 1;
    if (length < part.length) continue;
    count += 1;
    length = 0;
    if (passages.length === most) continue;
    let start = at + 1;
    // A line end is one character of the passage, and may be two here.
    for (let left = part.length; left > 0; left -= 1) {
      start -= 1;
      if (start > 0 && isSkipped(start - 1)) start -= 1;
    }
    passages.push({ start, end: at + 1 });
  }
  return { passages, count };
}

/** `replacement` with the line ends of the passage it replaces, or of the line that follows. */
export function fitLineEnds(text: string, { start, end }: Passage, replacement: string): string {
  if (!replacement.includes('\n') || replacement.includes('\r')) return replacement;
  const ends: string[] = [];
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
    ends.push(text.charCodeAt(at - 1) === CR ? '\r\n' : '\n');
  }
  let next = 0;
  const last = ends.at(-1) ?? lineEndNear(text, { start, end });
  return replacement.replaceAll('\n', () => ends[next++] ?? last);
}

function lineEndNear(text: string, { start, end }: Passage): string {
  const after = text.indexOf('\n', end);
  const at = after >= 0 ? after : start === 0 ? -1 : text.lastIndexOf('\n', start - 1);
  return at > 0 && text.charCodeAt(at - 1) === CR ? '\r\n' : '\n';
}
