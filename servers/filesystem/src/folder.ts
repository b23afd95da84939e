// A folder held open. On Linux every name in it is reached through the descriptor
// (/proc/self/fd/N/name), so what is checked and what is used are the same folder, whatever happens
// to the path meanwhile (CVE-2025-53109). Elsewhere the path is used, and checked again after use.
import { constants, existsSync } from 'node:fs';
import { lstat, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { isSystemError } from './system-errors.ts';

/** How an opened file's true path is found: `descriptor` asks the kernel, `compare` looks again. */
export type Verification = 'descriptor' | 'compare';

export const defaultVerification = (): Verification =>
  process.platform === 'linux' && existsSync('/proc/self/fd') ? 'descriptor' : 'compare';

/** Throws unless a path that is free of links may be used. */
export type AssertAllowed = (real: string) => void;

export interface Folder {
  /** Its path, free of links, when it was opened. */
  readonly real: string;
  /** A path to this very folder. */
  readonly path: string;
  /** A path to `name` in this very folder. */
  at(name: string): string;
  /** Opens a folder in it; never through a link. */
  open(name: string): Promise<Folder>;
  /** Opens a regular file in it; never through a link, never waiting for a pipe. */
  openFile(name: string): Promise<FileHandle>;
  /** Creates a file that did not exist. */
  createFile(name: string, mode: number): Promise<FileHandle>;
  /** Brings names to disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const moved = (path: string): ToolError =>
  new ToolError(`"${path}" changed while it was being opened.`, { hint: 'the same call again' });

const truePathOf = async (
  handle: FileHandle,
  path: string,
  verification: Verification,
): Promise<string> => {
  if (verification === 'descriptor') {
    const real = await readlink(`/proc/self/fd/${handle.fd}`);
    if (real.endsWith(' (deleted)')) throw moved(path);
    return real;
  }
  const [real, opened] = [await realpath(path), await handle.stat()];
  const now = await lstat(real);
  if (now.ino !== opened.ino || now.dev !== opened.dev) throw moved(path);
  return real;
};

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;
// Windows has none of these three.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const NON_BLOCK = constants.O_NONBLOCK ?? 0;
const DIRECTORY = constants.O_DIRECTORY ?? 0;

const assertName = (name: string): void => {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new ToolError(`"${name}" is not the name of a file or folder.`);
  }
};

const kinds = (stat: {
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}): string => {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  return stat.isSocket() ? 'a socket' : 'a device';
};

export const openFolder = async (
  path: string,
  assertAllowed: AssertAllowed,
  verification: Verification = defaultVerification(),
): Promise<Folder> => {
  const handle = await open(path, O_RDONLY | DIRECTORY | NO_FOLLOW | NON_BLOCK);
  let real: string;
  try {
    real = await truePathOf(handle, path, verification);
    assertAllowed(real);
  } catch (error) {
    await handle.close();
    throw error;
  }
  const base = verification === 'descriptor' ? `/proc/self/fd/${handle.fd}` : real;
  const at = (name: string): string => {
    assertName(name);
    return join(base, name);
  };
  /** Opens `name`, and keeps the descriptor only if it is where it has to be. */
  const openChecked = async (name: string, flags: number, mode?: number): Promise<FileHandle> => {
    const file = await open(at(name), flags | NO_FOLLOW | NON_BLOCK, mode);
    try {
      const stat = await file.stat();
      if (!stat.isFile())
        throw new ToolError(`"${join(real, name)}" is ${kinds(stat)}, not a file.`);
      assertAllowed(await truePathOf(file, at(name), verification));
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  };
  let closing: Promise<void> | undefined;
  return {
    real,
    path: base,
    at,
    open: (name) => openFolder(at(name), assertAllowed, verification),
    async openFile(name) {
      // Asked before it is opened: opening a device can already do something.
      const stat = await lstat(at(name));
      if (!stat.isFile() && !stat.isSymbolicLink()) {
        throw new ToolError(`"${join(real, name)}" is ${kinds(stat)}, not a file.`);
      }
      return openChecked(name, O_RDONLY);
    },
    createFile: (name, mode) => openChecked(name, O_WRONLY | O_CREAT | O_EXCL, mode),
    async sync() {
      try {
        await handle.sync();
      } catch (error) {
        // Some file systems cannot sync a folder; the file itself is on disk by then.
        if (!isSystemError(error, 'EINVAL', 'ENOTSUP', 'EPERM')) throw error;
      }
    },
    close: () => (closing ??= handle.close()),
  };
};
