// A lock that the kernel holds on a file, for as long as a process lives that has the file open: it ends
// with its holder in whatever way that ends, needs no clock and no process number, and holds over all
// containers of a machine. Node has no flock(2). The lock belongs to the open file, so the `flock` of
// util-linux or busybox can take it on a file that we hold open, and whoever inherits the file holds it too.
import { spawnSync } from 'node:child_process';
import { closeSync, fchownSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface FileLock {
  /** To be passed on to children that shall hold the lock as long as they live. */
  readonly fd: number;
  release(): void;
}

/**
 * Takes the lock of a file, which is made when it is missing and is never to be removed. `held` when
 * another has it; `unknown` where there is no `flock`, or the file system has no locks.
 */
export function tryLock(path: string): FileLock | 'held' | 'unknown' {
  const fd = openSync(path, 'a', 0o600);
  if (process.getuid?.() === 0) {
    // What root makes in a user's folder must not lock that user out.
    const { uid, gid } = statSync(dirname(path));
    fchownSync(fd, uid, gid);
  }
  // A lock taken for descriptor 3 of the child is ours as well: both are the same open file.
  const { status, signal } = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  if (status !== 0) {
    closeSync(fd);
    // One that was killed has said nothing, so it is asked again.
    return status === 1 || signal !== null ? 'held' : 'unknown';
  }
  let isReleased = false;
  return {
    fd,
    release() {
      if (isReleased) return;
      isReleased = true;
      closeSync(fd);
    },
  };
}
