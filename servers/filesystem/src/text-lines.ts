// Reads a window of lines out of a file of any size. Up to a limit the whole file is looked through
// once, for its totals and its hash; beyond that only as far as the window needs, and from the end
// for the last lines.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ToolError, characterEnd } from '@drawbridge/kit';
import { HASH_DIGITS, MAX_HASHED, readAt } from '@drawbridge/paths';

/** How far a line is looked for in a file that is larger. */
const MAX_SCANNED = 1024 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const SNIFF_BYTES = 8192;
const NEWLINE = 10;

/** Where to begin: a line, the last lines, or where an earlier answer stopped. */
export type Start = { line: number } | { last: number } | { byte: number; line: number };

export interface Window {
  text: string;
  /** Numbered from 1; unknown for the last lines of a file too large to count. */
  firstLine?: number;
  lastLine?: number;
  totalLines?: number;
  hash?: string;
  /** Where the rest begins. */
  next?: { byte: number; line: number };
}

export interface WindowOptions {
  start: Start;
  /** Most lines. */
  lines: number;
  /** Most bytes of text. */
  bytes: number;
  /** Whether lines are counted and the file is hashed, where its size allows. */
  totals?: boolean;
  signal: AbortSignal;
}

export function assertText(head: Uint8Array): void {
  if (head.subarray(0, SNIFF_BYTES).includes(0)) {
    throw new ToolError('This is not a text file: it has NUL bytes.', {
      hint: 'read_media for pictures, sound and other binary files',
    });
  }
}

/** Bytes and lines found on the way to the end of the window. */
interface Scan {
  from: number;
  fromLine: number;
  to: number;
  totalLines?: number;
  hash?: string;
}

interface ScanOptions {
  start: { byte: number; line: number; until: number };
  lines: number;
  bytes: number;
  totals: boolean;
  signal: AbortSignal;
}

async function scanFrom(
  file: FileHandle,
  size: number,
  { start, lines, bytes, totals, signal }: ScanOptions,
): Promise<Scan> {
  const whole = totals && size <= MAX_HASHED && start.byte === 0;
  const hash = whole ? createHash('sha256') : undefined;
  let { byte: position, line } = start;
  let from = start.until <= line ? position : -1;
  let to = -1;
  const fromLine = Math.max(start.until, line);
  /** The window is full where its text is, though its last line goes on. */
  const enough = (): boolean =>
    !whole && (to >= 0 || (from >= 0 && position > from + bytes + CHUNK_BYTES));
  while (position < size && !enough()) {
    signal.throwIfAborted();
    if (from < 0 && position - start.byte > MAX_SCANNED) {
      throw new ToolError(`Line ${start.until} is not in the first ${MAX_SCANNED} bytes.`, {
        hint: 'tail, or grep for what the line has in it',
      });
    }
    const chunk = await readAt(file, position, Math.min(CHUNK_BYTES, size - position));
    if (chunk.length === 0) break;
    hash?.update(chunk);
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
      line += 1;
      if (line === start.until) from = position + at + 1;
      if (line === fromLine + lines && to < 0) to = position + at + 1;
    }
    position += chunk.length;
  }
  if (from < 0) from = position;
  if (to < 0) to = position;
  const scan: Scan = { from, fromLine, to };
  if (whole) {
    const endsWithNewline = position > 0 && (await readAt(file, position - 1, 1))[0] === NEWLINE;
    scan.totalLines = endsWithNewline || position === 0 ? line - 1 : line;
    scan.hash = hash?.digest('hex').slice(0, HASH_DIGITS) ?? '';
  }
  return scan;
}

/** The byte at which the last `lines` lines begin, looking back no further than `bytes`. */
async function startOfLast(
  file: FileHandle,
  size: number,
  { lines, bytes }: { lines: number; bytes: number },
): Promise<number> {
  const from = Math.max(0, size - bytes);
  const tail = await readAt(file, from, size - from);
  // The newline that ends the last line begins no line.
  let begin = tail.at(-1) === NEWLINE ? tail.length - 1 : tail.length;
  for (let left = lines; left > 0; left -= 1) {
    const newline = begin === 0 ? -1 : tail.lastIndexOf(NEWLINE, begin - 1);
    if (newline < 0) {
      if (from === 0) return 0;
      const whole = tail.indexOf(NEWLINE);
      return whole < 0 || whole === tail.length - 1
        ? from + tail.findIndex((byte) => (byte & 0xc0) !== 0x80)
        : from + whole + 1;
    }
    if (left === 1) return from + newline + 1;
    begin = newline;
  }
  return size;
}

function countLines(text: Uint8Array): number {
  let count = 0;
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) count += 1;
  return text.length > 0 && text.at(-1) !== NEWLINE ? count + 1 : count;
}

async function scanFor(
  file: FileHandle,
  size: number,
  { start, lines, bytes, totals = true, signal }: WindowOptions,
): Promise<Scan> {
  const options = { lines, bytes, totals, signal };
  if ('byte' in start) {
    return scanFrom(file, size, { ...options, start: { ...start, until: start.line } });
  }
  const top = { byte: 0, line: 1 };
  if ('line' in start) {
    return scanFrom(file, size, { ...options, start: { ...top, until: start.line } });
  }
  const from = await startOfLast(file, size, { lines: start.last, bytes });
  if (size > MAX_HASHED) return { from, fromLine: 0, to: size };
  const all = await scanFrom(file, size, { ...options, start: { ...top, until: 1 }, lines: 1 });
  return { ...all, from, fromLine: 0, to: size };
}

/** @throws ToolError when the file is not text. */
export async function readWindow(
  file: FileHandle,
  size: number,
  options: WindowOptions,
): Promise<Window> {
  const { start, bytes } = options;
  assertText(await readAt(file, 0, Math.min(SNIFF_BYTES, size)));
  const scan = await scanFor(file, size, options);
  const raw = await readAt(file, scan.from, Math.min(scan.to - scan.from, bytes + 4));
  const kept = raw.subarray(0, raw.length > bytes ? wholeLines(raw, bytes) : raw.length);
  const bom = scan.from === 0 && kept[0] === 0xef && kept[1] === 0xbb && kept[2] === 0xbf ? 3 : 0;
  const text = kept.toString('utf8', bom);
  const count = countLines(kept);
  const end = scan.from + kept.length;
  const { totalLines, hash } = scan;
  const known = totalLines !== undefined || !('last' in start);
  const firstLine = 'last' in start ? (totalLines ?? 0) - count + 1 : scan.fromLine;
  const lastLine = firstLine + count - 1;
  const unfinished = kept.length > 0 && kept.at(-1) !== NEWLINE;
  return {
    text,
    ...(known && { firstLine, lastLine }),
    ...(totalLines !== undefined && { totalLines }),
    ...(hash !== undefined && { hash }),
    ...(end < size && known && { next: { byte: end, line: unfinished ? lastLine : lastLine + 1 } }),
  };
}

/** Where to cut: after the last whole line, or inside a line that is longer than all there is room for. */
function wholeLines(bytes: Uint8Array, limit: number): number {
  const newline = bytes.lastIndexOf(NEWLINE, limit - 1);
  return newline >= 0 ? newline + 1 : characterEnd(bytes, limit);
}
