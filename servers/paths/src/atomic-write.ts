// Replaces a file so that a reader, and whoever comes after a crash, sees the old content or the new,
// never a part: written beside it under another name, brought to disk, then renamed over it.
import { randomBytes } from 'node:crypto';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { ToolError } from '@drawbridge/kit';
import type { Folder } from './folder.ts';
import { inQuotes } from './shown.ts';
import { isSystemError } from './system-errors.ts';

export interface FileOwner {
  mode: number;
  uid: number;
  gid: number;
}

export interface AtomicWriteOptions {
  /** Rights to keep from the file that is replaced. */
  owner?: FileOwner | undefined;
  /** Whether a file of that name may be replaced. */
  replace: boolean;
}

const NEW_FILE_MODE = 0o666;

/** What a file that replaces another keeps of it. Nothing runs as its owner or group any longer. */
const PERMISSIONS = 0o777;

async function chown(file: FileHandle, uid: number, gid: number): Promise<boolean> {
  try {
    await file.chown(uid, gid);
    return true;
  } catch (error) {
    // Only the system's administrator may give files away; the content matters more.
    if (isSystemError(error, 'EPERM', 'EINVAL')) return false;
    throw error;
  }
}

/** Whether the owner and the group are those given. */
async function keepOwner(file: FileHandle, { mode, uid, gid }: FileOwner): Promise<boolean> {
  const now = await file.stat();
  const same = (now.uid === uid && now.gid === gid) || (await chown(file, uid, gid));
  const sameGroup = same || now.gid === gid || (await chown(file, now.uid, gid));
  const permissions = mode & PERMISSIONS;
  // Another group gets no more than everybody has.
  const forOthers = permissions & 0o007;
  await file.chmod(
    sameGroup ? permissions : (permissions & 0o707) | ((forOthers << 3) & permissions),
  );
  return same;
}

/** Gives what is at the path `from` the name `name` in `folder`, unless that is taken. */
export async function placeNew(from: string, folder: Folder, name: string): Promise<void> {
  try {
    // Unlike rename, link never replaces.
    await link(from, folder.at(name));
  } catch (error) {
    if (!isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS')) throw error;
    // A file system without hard links: a name made in this very moment would be replaced.
    await assertFree(folder, name);
    await rename(from, folder.at(name));
    return;
  }
  await unlink(from);
}

/** @throws ToolError when `name` is taken, be it by a link to nowhere. */
export async function assertFree(folder: Folder, name: string): Promise<void> {
  try {
    await lstat(folder.at(name));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  throw new ToolError(`${inQuotes(name)} exists already in its folder.`, { hint: 'another name' });
}

export interface Written {
  /** Whether the owner or group could not be kept. */
  ownerChanged: boolean;
}

/** `fill` writes the content. @throws the system's EEXIST when `replace` is false and the name is taken. */
export async function writeAtomically(
  folder: Folder,
  name: string,
  fill: (file: FileHandle) => Promise<void>,
  { owner, replace }: AtomicWriteOptions,
): Promise<Written> {
  const temporary = `.drawbridge-${randomBytes(8).toString('hex')}.tmp`;
  const file = await folder.createFile(temporary, owner === undefined ? NEW_FILE_MODE : 0o600);
  let [placed, ownerChanged] = [false, false];
  try {
    try {
      await fill(file);
      if (owner !== undefined) ownerChanged = !(await keepOwner(file, owner));
      await file.sync();
    } finally {
      await file.close();
    }
    const from = folder.at(temporary);
    await (replace ? rename(from, folder.at(name)) : placeNew(from, folder, name));
    placed = true;
  } finally {
    if (!placed) await unlink(folder.at(temporary));
  }
  await folder.sync();
  return { ownerChanged };
}
