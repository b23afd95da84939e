// A folder held open. On Linux every name in it is reached through the descriptor
// (/proc/self/fd/N/name) and never through a link, so what was opened stays what is used, whatever
// happens to its path meanwhile (CVE-2025-53109). Elsewhere the path is used, and checked again
// after use. Opening and listing are synchronous: a walk through thousands of folders would spend
// most of its time on the way to a thread and back.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { inQuotes } from './shown.ts';
import { isSystemError } from './system-errors.ts';

/** How an opened file's true path is found: `descriptor` asks the kernel, `compare` looks again. */
export type Verification = 'descriptor' | 'compare';

export function defaultVerification(): Verification {
  return process.platform === 'linux' && existsSync('/proc/self/fd') ? 'descriptor' : 'compare';
}

/** What was opened, and a path to it that no rename changes, where there is one. */
export interface Opened {
  readonly dev: number;
  readonly ino: number;
  readonly path: string;
}

/** Throws unless what was opened, at a path that is free of links, may be used. */
export type AssertAllowed = (real: string, opened: Opened) => void;

/** The folders that were opened on the way, this one first. */
export interface Lineage {
  readonly dev: number;
  readonly ino: number;
  readonly above: Lineage | undefined;
}

export interface Folder {
  /** Its path, free of links, when it was opened. */
  readonly real: string;
  /** A path to this very folder. */
  readonly path: string;
  readonly lineage: Lineage;
  /** A path to `name` in this very folder. */
  at(name: string): string;
  stat(): Stats;
  /** What is in it. */
  entries(): Dirent[];
  /** Opens a folder in it; never through a link. */
  open(name: string): Folder;
  /** Opens a regular file in it; never through a link, never waiting for a pipe. */
  openFile(name: string): Promise<FileHandle>;
  /** As `openFile`; answers a descriptor, which the caller closes. */
  openFileNow(name: string): number;
  /** Creates a file that did not exist. */
  createFile(name: string, mode: number): Promise<FileHandle>;
  /** Brings names to disk. */
  sync(): Promise<void>;
  close(): void;
}

function moved(path: string): ToolError {
  return new ToolError(`${inQuotes(path)} changed while it was being opened.`, {
    hint: 'the same call again',
  });
}

/** Where what was opened lies now. A name may end in " (deleted)", so the path itself is asked. */
function truePathOf(
  fd: number,
  path: string,
  { verification, opened }: { verification: Verification; opened: Stats },
): string {
  const real =
    verification === 'descriptor' ? readlinkSync(`/proc/self/fd/${fd}`) : realpathSync.native(path);
  const now = lstatSync(real, { throwIfNoEntry: false });
  if (now === undefined || now.ino !== opened.ino || now.dev !== opened.dev) throw moved(path);
  return real;
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL } = constants;
// Windows has none of these three.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const NON_BLOCK = constants.O_NONBLOCK ?? 0;
const DIRECTORY = constants.O_DIRECTORY ?? 0;

function assertName(name: string): void {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new ToolError(`${inQuotes(name)} is not the name of a file or folder.`);
  }
}

function kinds(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSymbolicLink()) return 'a link';
  return stat.isSocket() ? 'a socket' : 'a device';
}

/** The path of a name in a folder; both are normal, which `join` would look through each time. */
export function toChild(folder: string, name: string): string {
  return folder.endsWith(sep) ? folder + name : folder + sep + name;
}

export interface OpenFolderOptions {
  assertAllowed: AssertAllowed;
  verification: Verification;
  /** For a folder that was reached through an open one: its path, and what lies above. */
  within?: { real: string; lineage: Lineage };
}

/** Opens the folder at `path`; a link at its end is refused. */
export function openFolder(
  path: string,
  assertAllowed: AssertAllowed,
  verification: Verification = defaultVerification(),
): Folder {
  return openAt(path, { assertAllowed, verification });
}

function openAt(path: string, { assertAllowed, verification, within }: OpenFolderOptions): Folder {
  const fd = openSync(path, O_RDONLY | DIRECTORY | NO_FOLLOW | NON_BLOCK);
  const byDescriptor = verification === 'descriptor';
  let real: string;
  let opened: Stats;
  try {
    opened = fstatSync(fd);
    // A name in an open folder that is no link is where it has to be.
    real =
      within !== undefined && byDescriptor
        ? within.real
        : truePathOf(fd, path, { verification, opened });
    const { dev, ino } = opened;
    assertAllowed(real, { dev, ino, path: byDescriptor ? `/proc/self/fd/${fd}` : real });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const base = byDescriptor ? `/proc/self/fd/${fd}` : real;
  const lineage: Lineage = { dev: opened.dev, ino: opened.ino, above: within?.lineage };
  const at = (name: string): string => {
    assertName(name);
    return `${base}/${name}`;
  };
  const notFile = (name: string, stat: Stats): ToolError =>
    new ToolError(`${inQuotes(join(real, name))} is ${kinds(stat)}, not a file.`);
  /** Throws unless the descriptor is that of the regular file it has to be. */
  const assertFile = (name: string, file: number, stat: Stats): void => {
    if (!stat.isFile()) throw notFile(name, stat);
    const { dev, ino } = stat;
    const found = byDescriptor
      ? join(real, name)
      : truePathOf(file, at(name), { verification, opened: stat });
    assertAllowed(found, { dev, ino, path: byDescriptor ? `/proc/self/fd/${file}` : found });
  };
  const openChecked = async (name: string, flags: number, mode?: number): Promise<FileHandle> => {
    const file = await open(at(name), flags | NO_FOLLOW | NON_BLOCK, mode);
    try {
      assertFile(name, file.fd, await file.stat());
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  };
  let closed = false;
  return {
    real,
    path: base,
    lineage,
    at,
    stat: () => fstatSync(fd),
    entries: () => readdirSync(base, { withFileTypes: true }),
    open: (name) =>
      openAt(at(name), {
        assertAllowed,
        verification,
        within: { real: toChild(real, name), lineage },
      }),
    async openFile(name) {
      // Asked before it is opened: opening a device can already do something.
      const stat = await lstat(at(name));
      if (!stat.isFile() && !stat.isSymbolicLink()) throw notFile(name, stat);
      return openChecked(name, O_RDONLY);
    },
    openFileNow(name) {
      const stat = lstatSync(at(name));
      if (!stat.isFile()) throw notFile(name, stat);
      const file = openSync(at(name), O_RDONLY | NO_FOLLOW | NON_BLOCK);
      try {
        assertFile(name, file, fstatSync(file));
        return file;
      } catch (error) {
        closeSync(file);
        throw error;
      }
    },
    createFile: (name, mode) => openChecked(name, O_WRONLY | O_CREAT | O_EXCL, mode),
    async sync() {
      const handle = await open(base, O_RDONLY | DIRECTORY);
      try {
        await handle.sync();
      } catch (error) {
        // Some file systems cannot sync a folder; the file itself is on disk by then.
        if (!isSystemError(error, 'EINVAL', 'ENOTSUP', 'EPERM')) throw error;
      } finally {
        await handle.close();
      }
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(fd);
    },
  };
}
