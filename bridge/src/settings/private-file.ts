// Small files that only this user may have written: what they say is believed, so they are read only
// when nobody else can write them, and replaced in one step.
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DrawbridgeError, isSystemError } from '../errors.ts';
import { parseJson } from '../parse-json.ts';

/** The name of the file that says something of `path`. */
export function toEntryName(path: string): string {
  return `${createHash('sha256').update(path).digest('hex')}.json`;
}

/** The parsed JSON of a file that only its owner, this user, can read and write; else undefined. */
export function readPrivateJson(path: string): unknown {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | nonBlocking);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return undefined;
    throw error;
  }
  try {
    const { uid, mode } = fstatSync(file);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isFile || !isOwnUser(uid) || (hasModes && (mode & 0o077) !== 0)) return undefined;
    return parseJson(readFileSync(file, 'utf8'));
  } finally {
    closeSync(file);
  }
}

/** Makes the folder when it is missing (0700), and replaces the file in one step (0600). */
export function writePrivateJson(path: string, value: unknown): void {
  makePrivateFolder(dirname(path));
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @throws DrawbridgeError `settings/invalid` for a folder that others can write. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  if (isOwnUser(uid) && (!hasModes || (mode & 0o022) === 0)) return;
  throw new DrawbridgeError(
    'settings/invalid',
    `${folder} belongs to another user or can be written by others, so nothing in it can be believed. Give it to this user alone (chmod 700), or set XDG_STATE_HOME to a folder of this user's.`,
  );
}

export function isOwnUser(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

/** Windows keeps rights in lists of its own; the profile's folder is the user's there. */
export const hasModes = process.platform !== 'win32';

/** Opening a pipe would wait for its writer. */
export const nonBlocking = constants.O_NONBLOCK ?? 0;
