// What is different in a folder from what its index knows: names that ripgrep proposes, each seen again
// in its open folder, with size and time of change. Nothing is read here.
import { lstatSync } from 'node:fs';
import {
  createFolderCache,
  createTurns,
  ifThere,
  listFiles,
  type Folder,
  type PathGuard,
  type Ripgrep,
} from '@drawbridge/paths';
import type { FileStamp } from './index-store.ts';
import { kindOf } from './languages.ts';

export interface Changes {
  changed: string[];
  /** Ids of files that are gone. */
  removed: number[];
  /** Left out by name: written by machines, or of no kind that is searched. */
  generated: number;
  other: number;
  /** Files beyond {@link MAX_FILES}. */
  beyond: number;
}

export interface FindChangesOptions {
  guard: PathGuard;
  folder: Folder;
  ripgrep: Ripgrep;
  signal: AbortSignal;
}

export const MAX_FILES = 200_000;
const INSTALLED = /(?:^|\/)node_modules\//;

export async function findChanges(
  known: Map<string, FileStamp>,
  { guard, folder, ripgrep, signal }: FindChangesOptions,
): Promise<Changes> {
  const paths = await listFiles(guard, folder, { ignored: false, ripgrep, signal });
  const cache = createFolderCache(folder);
  const turn = createTurns(signal);
  const changes: Changes = { changed: [], removed: [], generated: 0, other: 0, beyond: 0 };
  let taken = 0;
  try {
    for (const path of paths) {
      await turn();
      const kind = INSTALLED.test(path) ? 'generated' : kindOf(path);
      if (kind === 'generated' || kind === 'other') {
        changes[kind] += 1;
        continue;
      }
      if ((taken += 1) > MAX_FILES) {
        changes.beyond += 1;
        continue;
      }
      const end = path.lastIndexOf('/');
      const above = cache.get(end < 0 ? '' : path.slice(0, end));
      const stat = above && ifThere(() => lstatSync(above.at(path.slice(end + 1))));
      if (stat === undefined || !stat.isFile()) continue;
      const stamp = known.get(path);
      // What is left in the end is gone from the folder.
      known.delete(path);
      if (stamp?.size !== stat.size || stamp.mtime !== stat.mtimeMs) changes.changed.push(path);
    }
  } finally {
    cache.close();
  }
  changes.removed = [...known.values()].map(({ id }) => id);
  return changes;
}
