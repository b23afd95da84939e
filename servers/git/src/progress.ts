// What was begun in a repository and is not ended yet, by the files that git keeps of it.
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

const progressFiles = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry_pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
] as const;

export function findProgress(gitFolder: string): (typeof progressFiles)[number][1] | undefined {
  return progressFiles.find(
    ([name]) => lstatSync(join(gitFolder, name), { throwIfNoEntry: false }) !== undefined,
  )?.[1];
}
