// Reads a file as it is at one moment: a file that changes while it is read is read again. What is no
// text for people (binary, minified, huge) is told apart here.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import type { Folder } from '@drawbridge/paths';
import type { FileState } from './index-store.ts';

/** Bytes of the largest file that is read. */
export const MAX_FILE = 1024 * 1024;
const MAX_TRIES = 4;
/** Characters of a line that no person wrote. */
const MAX_LINE = 20_000;
const MAX_MEAN_LINE = 400;
/** A change within this time after a read may leave the time stamp as it was; milliseconds. */
const CLOCK_GRAIN_MS = 50;

export interface Source {
  size: number;
  mtime: number;
  hash: string;
  /** Present unless the file is left out. */
  text: string | undefined;
  state: FileState;
  lines: number;
}

function readBytes(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  while (filled < bytes.length) {
    const read = readSync(fd, bytes, filled, bytes.length - filled, filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

function isSame(a: Stats, b: Stats): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

export function hashOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

function judge(text: string): FileState {
  if (text.includes('\0')) return 'binary';
  let [lines, longest, from] = [1, 0, 0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
    longest = Math.max(longest, at - from);
    from = at + 1;
    lines += 1;
  }
  longest = Math.max(longest, text.length - from);
  const isMinified =
    longest > MAX_LINE || (text.length > 5_000 && text.length / lines > MAX_MEAN_LINE);
  return isMinified ? 'minified' : 'indexed';
}

/** Opens `name` in an open folder, never through a link. */
export function readSource(folder: Folder, name: string): Source {
  const fd = folder.openFileNow(name);
  try {
    for (let tries = 1; ; tries += 1) {
      const before = fstatSync(fd);
      const { size } = before;
      if (size > MAX_FILE) {
        return { size, mtime: before.mtimeMs, hash: '', text: undefined, state: 'large', lines: 0 };
      }
      const bytes = readBytes(fd, size);
      const after = fstatSync(fd);
      if ((!isSame(before, after) || bytes.length !== size) && tries < MAX_TRIES) continue;
      const settled =
        isSame(before, after) &&
        bytes.length === size &&
        Math.abs(Date.now() - after.mtimeMs) > CLOCK_GRAIN_MS;
      const text = bytes.toString('utf8');
      const state = judge(text);
      return {
        size: bytes.length,
        mtime: settled ? after.mtimeMs : -1,
        hash: hashOf(bytes),
        text: state === 'indexed' ? text : undefined,
        state,
        lines: text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
      };
    }
  } finally {
    closeSync(fd);
  }
}
