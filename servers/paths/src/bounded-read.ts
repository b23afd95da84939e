// Reads of files whose size is not to be trusted: it is asked first, and no more than the limit is
// read, however the file grows meanwhile.
import type { FileHandle } from 'node:fs/promises';
import { ToolError } from '@drawbridge/kit';
import { quoted } from './shown.ts';

/** Up to `length` bytes from `position`; fewer at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

export interface ReadLimits {
  /** As callers see it. */
  shown: string;
  /** Bytes. */
  most: number;
  /** What else could be done with a larger file. */
  hint?: string;
}

export function tooLarge(size: number, { shown, most, hint }: ReadLimits): ToolError {
  return new ToolError(`${quoted(shown)} has ${size} bytes.`, {
    allowed: `files up to ${most} bytes`,
    ...(hint !== undefined && { hint }),
  });
}

/** @throws ToolError when there is more than the limit. */
export async function readWhole(file: FileHandle, limits: ReadLimits): Promise<Buffer> {
  const { size } = await file.stat();
  if (size > limits.most) throw tooLarge(size, limits);
  // One more, to see whether it grew.
  const bytes = await readAt(file, 0, Math.min(size, limits.most) + 1);
  if (bytes.length <= size) return bytes;
  throw new ToolError(`${quoted(limits.shown)} grew while it was being read.`, {
    hint: 'the same call again',
  });
}
