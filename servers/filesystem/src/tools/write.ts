import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError, defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { writeAtomically, type FileOwner } from '../atomic-write.ts';
import type { Parts } from '../parts.ts';
import type { Place } from '../path-guard.ts';
import { isSystemError } from '../system-errors.ts';
import { hashOf } from '../text-lines.ts';

const ownerOf = async ({ folder, name, shown }: Place): Promise<FileOwner | undefined> => {
  try {
    const stat = await lstat(folder.at(name));
    if (!stat.isFile()) throw new ToolError(`"${shown}" is not a file, so it cannot be written.`);
    return { mode: stat.mode, uid: stat.uid, gid: stat.gid };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
};

const assertUnchanged = async ({ folder, name, shown }: Place, expected: string): Promise<void> => {
  let actual: string;
  try {
    const file = await folder.openFile(name);
    try {
      actual = hashOf(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
    actual = 'none: there is no such file';
  }
  if (actual === expected) return;
  throw new ToolError(`"${shown}" is not what you read. Its hash is ${actual}, not ${expected}.`, {
    hint: 'read it again, and decide anew what to write',
  });
};

/** Writes a whole file in one step, if it is still what the caller read. Call it holding its lock. */
export const replaceText = async (
  place: Place,
  content: string,
  expectedHash: string | undefined,
): Promise<{ created: boolean; size: number; hash: string }> => {
  const owner = await ownerOf(place);
  if (expectedHash !== undefined) await assertUnchanged(place, expectedHash);
  const bytes = Buffer.from(content);
  await writeAtomically(place.folder, place.name, (file) => file.writeFile(bytes), {
    owner,
    replace: owner !== undefined,
  });
  return { created: owner === undefined, size: bytes.length, hash: hashOf(bytes) };
};

export const lockKeyOf = ({ folder, name }: Place): string => join(folder.real, name);

export const write = ({ guardOf, locks }: Parts): Tool =>
  defineTool({
    name: 'write',
    title: 'Write a file',
    description: 'Creates or replaces a text file in one step. Its folder must exist.',
    effect: 'destructive',
    input: z.strictObject({
      path: z.string(),
      content: z.string(),
      expected_hash: z.string().optional().describe('refuse if the file no longer has this hash'),
    }),
    output: z.object({ path: z.string(), created: z.boolean(), size: z.int(), hash: z.string() }),
    async run({ path, content, expected_hash: expected }, context) {
      const guard = await guardOf(context);
      return guard.withPlace(path, { follow: true }, (place) =>
        locks.hold(lockKeyOf(place), async () => {
          const written = await replaceText(place, content, expected);
          return {
            output: { path: place.shown, ...written },
            text: `${written.created ? 'Created' : 'Replaced'} ${place.shown}: ${written.size} bytes, hash ${written.hash}`,
          };
        }),
      );
    },
  });
