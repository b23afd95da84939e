// The file that a backup is written to before it takes its name. One whose backup was killed goes with the
// next backup in that folder; the kernel's lock tells it from one that is being written, by whoever.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError } from '../../errors.ts';
import { isAlive } from '../../processes/process-facts.ts';
import { tryLock } from '../file-lock.ts';

/** The number of the process, and something drawn. */
const DRAFT = /\.(\d+)\.[0-9a-f]{8}\.draft$/;

export interface Draft {
  readonly path: string;
  /** Removes it, if it is still there. */
  close(): Promise<void>;
}

/** An empty file beside `path` that only its owner may read. */
export async function createDraft(path: string): Promise<Draft> {
  await removeDeadDrafts(dirname(path));
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.draft`;
  closeSync(openSync(draft, 'wx', 0o600));
  const lock = tryLock(draft);
  return {
    path: draft,
    async close() {
      await rm(draft, { force: true });
      if (typeof lock === 'object') lock.release();
    },
  };
}

async function removeDeadDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(DRAFT.exec(name)?.[1]);
    // Between its making and its lock, a number that lives is all there is to know it by.
    if (!(pid > 0) || (pid !== process.pid && isAlive(pid))) continue;
    await removeUnlessHeld(join(folder, name));
  }
}

async function removeUnlessHeld(path: string): Promise<void> {
  try {
    const lock = tryLock(path);
    if (lock === 'held' || (lock === 'unknown' && process.platform === 'linux')) return;
    await rm(path, { force: true });
    if (lock !== 'unknown') lock.release();
  } catch (error) {
    // Somebody else's is not ours to look at.
    if (!isSystemError(error, 'EACCES', 'EPERM', 'EISDIR', 'EROFS')) throw error;
  }
}
