// Copies and removes whole folders, each opened by its descriptor on the way down, so that a link put
// in the way is never followed.
import { lstat, mkdir, readdir, readlink, rmdir, symlink, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { ToolError } from '@drawbridge/kit';
import {
  type Folder,
  inQuotes,
  type PathGuard,
  TRASH_FOLDER,
  writeAtomically,
} from '@drawbridge/paths';

const CHUNK_BYTES = 256 * 1024;

export interface Spot {
  folder: Folder;
  name: string;
}

export interface TransferOptions {
  guard: PathGuard;
  signal: AbortSignal;
  /** Called once for each thing done, with how many there were so far. */
  progress(done: number): Promise<void>;
}

export interface Copied {
  files: number;
  folders: number;
  bytes: number;
  /** Pipes, sockets, devices, the trash, and what may not be opened. */
  skipped: number;
  /** Files whose owner or group could not be kept. */
  ownerChanged: number;
}

/** Bytes that one call copies. */
const MAX_COPIED = 16 * 1024 * 1024 * 1024;

async function inFolder<T>(
  folder: Folder,
  name: string,
  work: (inner: Folder) => Promise<T>,
): Promise<T> {
  const inner = folder.open(name);
  try {
    return await work(inner);
  } finally {
    inner.close();
  }
}

/** Copies as many bytes as the file had at first, however it grows. */
async function copyFile(
  from: Spot,
  to: Spot,
  { copied, signal }: { copied: Copied; signal: AbortSignal },
): Promise<void> {
  const source = await from.folder.openFile(from.name);
  try {
    const { size, mode, uid, gid } = await source.stat();
    if (copied.bytes + size > MAX_COPIED) {
      throw new ToolError(`${inQuotes(from.name)} has ${size} bytes.`, {
        allowed: `${MAX_COPIED} bytes in one call, of which ${copied.bytes} are copied`,
      });
    }
    const fill = async (target: FileHandle): Promise<void> => {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let left = size; left > 0;) {
        signal.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, Math.min(left, CHUNK_BYTES), null);
        if (bytesRead === 0) return;
        await target.appendFile(buffer.subarray(0, bytesRead));
        left -= bytesRead;
        copied.bytes += bytesRead;
      }
    };
    const owner = { mode, uid, gid };
    const written = await writeAtomically(to.folder, to.name, fill, { owner, replace: false });
    copied.files += 1;
    if (written.ownerChanged) copied.ownerChanged += 1;
  } finally {
    await source.close();
  }
}

/** Links are copied as links. @throws the system's EEXIST when the new name is taken. */
export async function copyTree(from: Spot, to: Spot, options: TransferOptions): Promise<Copied> {
  const { guard, signal, progress } = options;
  const copied: Copied = { files: 0, folders: 0, bytes: 0, skipped: 0, ownerChanged: 0 };
  const copy = async (source: Spot, target: Spot): Promise<void> => {
    signal.throwIfAborted();
    const path = source.folder.at(source.name);
    const stat = await lstat(path);
    const hidden = source.name === TRASH_FOLDER || guard.hides(source.folder.real)(source.name);
    if (hidden) copied.skipped += 1;
    else if (stat.isSymbolicLink()) {
      await symlink(await readlink(path), target.folder.at(target.name));
      copied.files += 1;
    } else if (stat.isFile()) {
      await copyFile(source, target, { copied, signal });
    } else if (stat.isDirectory()) {
      const names = await readdir(path);
      await mkdir(target.folder.at(target.name));
      copied.folders += 1;
      await inFolder(source.folder, source.name, (inner) =>
        inFolder(target.folder, target.name, async (copyOf) => {
          for (const name of names) await copy({ folder: inner, name }, { folder: copyOf, name });
        }),
      );
    } else copied.skipped += 1;
    await progress(copied.files + copied.folders);
  };
  await copy(from, to);
  return copied;
}

/** Answers how many files and folders are gone. */
export async function removeTree(
  { folder, name }: Spot,
  { signal, progress }: Omit<TransferOptions, 'guard'>,
): Promise<number> {
  let removed = 0;
  const remove = async (from: Folder, entry: string): Promise<void> => {
    signal.throwIfAborted();
    const stat = await lstat(from.at(entry));
    if (stat.isDirectory()) {
      await inFolder(from, entry, async (inner) => {
        for (const each of await readdir(inner.path)) await remove(inner, each);
      });
      await rmdir(from.at(entry));
    } else await unlink(from.at(entry));
    removed += 1;
    await progress(removed);
  };
  await remove(folder, name);
  return removed;
}
