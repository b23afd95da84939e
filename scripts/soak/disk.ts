// A disk of the bridge's own that can be made full and free again: a tmpfs at its home. It is filled by
// shrinking it to what it holds, which is the same to whoever writes, and costs no memory.
import { spawnSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';

export interface Disk {
  fill(): Promise<void>;
  free(): void;
  close(): void;
}

const MEGABYTE = 1024 * 1024;
const ATTEMPTS = 50;
const SLACK_BYTES = 64 * 1024;

/** Why there can be no such disk here; undefined when there can. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux') return 'a tmpfs is mounted on Linux only';
  if (process.getuid?.() !== 0) return 'only root may mount';
  return undefined;
}

/** @throws Error where mounting is not allowed, as in most containers */
export function mountDisk(folder: string, megabytes: number): Disk {
  const size = megabytes * MEGABYTE;
  run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder);
  const resize = (bytes: number): void =>
    run('mount', '-o', `remount,size=${bytes},mode=0700`, folder);
  return {
    async fill() {
      for (let attempt = 0; ; attempt += 1) {
        const { blocks, bfree, bsize } = await statfs(folder);
        try {
          resize((blocks - bfree) * bsize + attempt * SLACK_BYTES);
          return;
        } catch (error) {
          // It grew meanwhile, and cannot be made smaller than what it holds.
          if (attempt === ATTEMPTS) throw error;
        }
      }
    },
    free: () => resize(size),
    close: () => run('umount', folder),
  };
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${command} failed: ${error?.message ?? stderr.trim()}`, { cause: error });
}
