// Where deleted things go: a folder in the root they came from, so that a delete is one rename and
// can be undone by moving the thing back.
import { randomBytes } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { isSystemError, type PathGuard, type Place, TRASH_FOLDER } from '@drawbridge/paths';

export function isInTrash(real: string): boolean {
  return real.split(/[\\/]/).includes(TRASH_FOLDER);
}

/** Answers where it lies now, as callers see it. */
export async function moveToTrash(
  guard: PathGuard,
  { folder, name, root }: Place,
  now: () => Date = () => new Date(),
): Promise<string> {
  // Folders are made one by one and never through a link: a trash that leads elsewhere is refused.
  const stamp = now().toISOString().replaceAll(/[:.]/g, '-');
  const slot = `${stamp}-${randomBytes(3).toString('hex')}`;
  const real = join(root.real, TRASH_FOLDER, slot, name);
  await guard.withRoot(root, async (top) => {
    try {
      await mkdir(top.at(TRASH_FOLDER));
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
    const trash = top.open(TRASH_FOLDER);
    try {
      await mkdir(trash.at(slot));
      const place = trash.open(slot);
      try {
        await rename(folder.at(name), place.at(name));
      } catch (error) {
        if (!isSystemError(error, 'EXDEV')) throw error;
        throw new ToolError('It lies on another file system than the trash.', {
          hint: 'permanent: true',
          cause: error,
        });
      } finally {
        place.close();
      }
    } finally {
      trash.close();
    }
  });
  return guard.show(real);
}
