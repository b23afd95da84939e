// A whole file, old or new, never a part, and only if it is still what the caller read.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { writeAtomically, type FileOwner } from './atomic-write.ts';
import { tooLarge } from './bounded-read.ts';
import { MAX_HASHED, hashFile, hashOf } from './file-hash.ts';
import type { Place } from './path-guard.ts';
import { quoted, toShown } from './shown.ts';
import { isSystemError } from './system-errors.ts';

async function ownerOf({ folder, name, shown }: Place): Promise<FileOwner | undefined> {
  try {
    const stat = await lstat(folder.at(name));
    if (!stat.isFile()) {
      throw new ToolError(`${quoted(shown)} is not a file, so it cannot be written.`);
    }
    return { mode: stat.mode, uid: stat.uid, gid: stat.gid };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export interface ReplaceOptions {
  content: string;
  /** Refuses when the file no longer has it. */
  expectedHash: string | undefined;
  signal: AbortSignal;
}

async function assertUnchanged(
  { folder, name, shown }: Place,
  expected: string,
  signal: AbortSignal,
): Promise<void> {
  let actual: string;
  try {
    const file = await folder.openFile(name);
    try {
      const hash = await hashFile(file, signal);
      if (hash === undefined) {
        const { size } = await file.stat();
        throw tooLarge(size, {
          shown,
          most: MAX_HASHED,
          hint: 'without expected_hash: a larger file has no hash',
        });
      }
      actual = hash;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    actual = 'none: there is no such file';
  }
  if (actual === expected) return;
  throw new ToolError(
    `${quoted(shown)} is not what you read. Its hash is ${actual}, not ${toShown(expected)}.`,
    { hint: 'read it again, and decide anew what to write' },
  );
}

/** For the text of an answer. */
export const OWNER_CHANGED = 'its owner or group changed, because this server may not keep it';

/** Writes a whole file in one step, if it is still what the caller read. Call it holding its lock. */
export async function replaceText(
  place: Place,
  { content, expectedHash, signal }: ReplaceOptions,
): Promise<{ created: boolean; size: number; hash: string; owner_changed?: boolean }> {
  const owner = await ownerOf(place);
  if (expectedHash !== undefined) await assertUnchanged(place, expectedHash, signal);
  const bytes = Buffer.from(content);
  const { ownerChanged } = await writeAtomically(
    place.folder,
    place.name,
    (file) => file.writeFile(bytes),
    { owner, replace: owner !== undefined },
  );
  return {
    created: owner === undefined,
    size: bytes.length,
    hash: hashOf(bytes),
    ...(ownerChanged && { owner_changed: true }),
  };
}

export function lockKeyOf({ folder, name }: Place): string {
  return join(folder.real, name);
}
