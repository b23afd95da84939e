// The hash that tells two versions of a file apart, the same wherever a file is read or written.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { readAt } from './bounded-read.ts';

/** Files up to this many bytes have a hash. */
export const MAX_HASHED = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Hexadecimal digits of SHA-256 that tell two versions of a file apart. */
export const HASH_DIGITS = 16;

export function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);
}

/** The hash of a file, read in pieces; nothing for one that is too large to have a hash. */
export async function hashFile(file: FileHandle, signal: AbortSignal): Promise<string | undefined> {
  const { size } = await file.stat();
  if (size > MAX_HASHED) return undefined;
  const hash = createHash('sha256');
  for (let position = 0; ;) {
    signal.throwIfAborted();
    const chunk = await readAt(file, position, CHUNK_BYTES);
    hash.update(chunk);
    position += chunk.length;
    if (chunk.length < CHUNK_BYTES) return hash.digest('hex').slice(0, HASH_DIGITS);
    if (position > MAX_HASHED) return undefined;
  }
}
