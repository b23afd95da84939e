// `write`: a whole file, old or new, never a part.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import {
  type FileOwner,
  isSystemError,
  type Place,
  quoted,
  tooLarge,
  toShown,
  writeAtomically,
} from '@drawbridge/paths';
import { z } from 'zod';
import { contentText, hashText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { FULL_SCAN_BYTES, hashFile, hashOf } from '../text-lines.ts';

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
          most: FULL_SCAN_BYTES,
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

export function write({ withGuard, locks }: Deps): Tool {
  return defineTool({
    name: 'write',
    title: 'Write a file',
    description: 'Creates or replaces a text file; its folder must exist.',
    effect: 'destructive',
    input: z.strictObject({
      path: pathText,
      content: contentText,
      expected_hash: hashText.optional().describe('refuse if it changed'),
    }),
    output: z.object({
      path: z.string(),
      created: z.boolean(),
      size: z.int(),
      hash: z.string(),
      owner_changed: z.boolean().optional(),
    }),
    run: ({ path, content, expected_hash: expectedHash }, { signal, ...context }) =>
      withGuard(context, (guard) =>
        guard.withPlace(path, { follow: true, change: true }, (place) =>
          locks.hold(lockKeyOf(place), async () => {
            const written = await replaceText(place, { content, expectedHash, signal });
            const { created, size, hash, owner_changed: changed = false } = written;
            const done = `${created ? 'Created' : 'Replaced'} ${place.shown}: ${size} bytes, hash ${hash}`;
            return {
              output: { path: place.shown, ...written },
              text: changed ? `${done}; ${OWNER_CHANGED}` : done,
            };
          }),
        ),
      ),
  });
}
