// A folder that a repository is made in: new or empty, in a root, and not for reading only. What was
// made is removed again when the work fails.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { inQuotes, type PathGuard } from '@drawbridge/paths';
import { assertWritable } from './repository.ts';

/** Runs `work` with the real path of the folder. */
export async function withNewFolder<T>(
  guard: PathGuard,
  path: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const made = await guard.createFolders(path);
  const folder = await guard.withFolder(path, ({ real }) => Promise.resolve(real));
  await assertWritable(guard, folder);
  const inside = await readdir(folder);
  if (inside.length > 0) {
    throw new ToolError(`${inQuotes(guard.show(folder))} is not empty.`, { hint: 'a new folder' });
  }
  try {
    return await work(folder);
  } catch (error) {
    if (made.length > 0) await rm(folder, { recursive: true, force: true });
    else {
      for (const name of await readdir(folder)) {
        await rm(join(folder, name), { recursive: true, force: true });
      }
    }
    throw error;
  }
}
