// The one change that this server makes to a repository's settings: which remote branch a branch
// follows. Git itself writes to settings of ours (own-settings.ts of the runner), so it is done here, by
// git's own protocol: `config.lock`, then a rename.
import { lstat, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { readSmallFile, toSettingsText } from '@drawbridge/git-runner';
import { isSystemError } from '@drawbridge/paths';
import type { OpenRepository } from './deps.ts';

const MAX_BYTES = 1024 * 1024;

export interface Tracking {
  branch: string;
  remote: string;
  /** Of the remote. */
  remoteBranch: string;
}

/** Leaves a branch alone that follows one already. Answers whether it follows the one named now. */
export async function setTracking(
  repository: OpenRepository,
  { branch, remote, remoteBranch }: Tracking,
): Promise<boolean> {
  const key = `branch.${branch}.`;
  const merge = `refs/heads/${remoteBranch}`;
  const existing = repository.settings.filter((setting) => setting.key === `${key}merge`);
  if (existing.length > 0) return existing.length === 1 && existing[0]?.value === merge;
  const text = toSettingsText([
    { key: `${key}remote`, value: remote },
    { key: `${key}merge`, value: merge },
  ]);
  const path = join(repository.commonFolder, 'config');
  await repository.guard.withPlace(
    path,
    { follow: false, change: true },
    async ({ folder, name }) => {
      const before = readSmallFile(folder.at(name), MAX_BYTES) ?? Buffer.alloc(0);
      const lock = 'config.lock';
      let file;
      try {
        const { mode } = await lstat(folder.at(name));
        file = await folder.createFile(lock, mode & 0o777);
      } catch (error) {
        if (!isSystemError(error, 'EEXIST')) throw error;
        throw new ToolError('Another git is changing the settings: .git/config.lock exists.', {
          hint: 'the same call again; it was not removed',
        });
      }
      let placed = false;
      try {
        try {
          await file.writeFile(Buffer.concat([before, Buffer.from(`\n${text}`)]));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(folder.at(lock), folder.at(name));
        placed = true;
      } finally {
        if (!placed) await unlink(folder.at(lock));
      }
    },
  );
  return true;
}
