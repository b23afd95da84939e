// Where PostgreSQL keeps the memory that its processes share on the go. Its default is /dev/shm, which
// some containers don't have, have read-only, or have with next to no room; files in its data folder work
// everywhere, and cost some writes.
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { isSystemError } from '../../errors.ts';
import type { Account } from './account.ts';

/** Where Linux keeps POSIX shared memory (shm_overview(7)). */
const FOLDER = '/dev/shm';
/** Of a query that several processes work on; Docker's default is 64 MiB. */
const LEAST_BYTES = 16 * 1024 * 1024;

/** A value of `dynamic_shared_memory_type`. */
export async function chooseSharedMemory(
  account: Account | undefined,
  folder: string = FOLDER,
): Promise<'posix' | 'mmap' | 'windows'> {
  if (process.platform === 'win32') return 'windows';
  if (process.platform !== 'linux') return 'posix';
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    const { mode } = await stat(folder);
    const { bavail, bsize } = await statfs(folder);
    const isOpen = account === undefined || (mode & 0o003) === 0o003;
    return isOpen && bavail * bsize >= LEAST_BYTES ? 'posix' : 'mmap';
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EROFS', 'EPERM')) return 'mmap';
    throw error;
  }
}
