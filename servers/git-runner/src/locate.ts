// Finds a repository without asking git, which would follow what the repository says: its `.git` may be
// a file that leads anywhere, and so may `commondir`, links and alternates. Each place has to be one
// that the caller may use (CVE-2025-68143, CVE-2025-68145, CVE-2026-27735).
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  type Dirent,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ToolError } from '@drawbridge/kit';

/** What the caller may use. */
export interface Folders {
  /** The path of an existing folder, free of links. Throws a ToolError when it may not be used. */
  resolve(path: string): Promise<string>;
  /** A path as callers see it. */
  show(path: string): string;
}

export interface Location {
  /** Holds HEAD and the index. */
  gitFolder: string;
  /** Holds objects, references and settings; the same but for linked work trees. */
  commonFolder: string;
  /** Nothing for a bare repository. */
  workTree: string | undefined;
}

const MAX_POINTER = 4_096;
const MAX_ALTERNATES = 5;
/** Names looked at in a repository's folders of references before a change. */
const MAX_NAMES = 50_000;

/** A regular file's content, nothing when there is none. @throws ToolError when it is too large. */
export function readSmallFile(path: string, most: number): Buffer | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) {
    throw new ToolError(`${basename(path)} in the repository's own folder is not a file.`);
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (size > most) {
      throw new ToolError(`${basename(path)} in the repository's own folder has ${size} bytes.`, {
        allowed: `up to ${most}`,
      });
    }
    const buffer = Buffer.alloc(size);
    return buffer.subarray(0, readSync(fd, buffer, 0, size, 0));
  } finally {
    closeSync(fd);
  }
}

function readLine(path: string): string | undefined {
  return readSmallFile(path, MAX_POINTER)
    ?.toString()
    .replace(/\r?\n[^]*$/, '');
}

async function tryResolve(folders: Folders, path: string): Promise<string | undefined> {
  try {
    return await folders.resolve(path);
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

async function follow(folders: Folders, path: string, what: string): Promise<string> {
  const found = await tryResolve(folders, path);
  if (found !== undefined) return found;
  throw new ToolError(`The repository's ${what} leads to a folder that may not be used.`, {
    hint: 'a repository that lies whole in the folders of this server',
  });
}

function isRepository(folder: string): boolean {
  return ['HEAD', 'objects', 'refs'].every(
    (name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
  );
}

/** The git folder that `folder` has, nothing when it has none. */
async function findGitFolder(folders: Folders, folder: string): Promise<string | undefined> {
  const path = join(folder, '.git');
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) return follow(folders, path, '.git');
  const [, target] = /^gitdir: (.+)$/.exec(readLine(path) ?? '') ?? [];
  if (target === undefined) throw new ToolError('The .git file names no folder.');
  return follow(folders, resolve(folder, target), '.git file');
}

async function findCommonFolder(folders: Folders, gitFolder: string): Promise<string> {
  const target = readLine(join(gitFolder, 'commondir'));
  if (target === undefined) return gitFolder;
  return follow(folders, resolve(gitFolder, target), 'commondir file');
}

/** The repository that holds the folder at `path`. */
export async function locate(path: string, folders: Folders): Promise<Location> {
  const start = await folders.resolve(path);
  for (let at: string | undefined = start; at !== undefined;) {
    const gitFolder = await findGitFolder(folders, at);
    if (gitFolder !== undefined) {
      if (lstatSync(join(gitFolder, 'HEAD'), { throwIfNoEntry: false }) === undefined) break;
      return { gitFolder, commonFolder: await findCommonFolder(folders, gitFolder), workTree: at };
    }
    const above = dirname(at);
    at = above === at ? undefined : await tryResolve(folders, above);
  }
  if (isRepository(start)) return { gitFolder: start, commonFolder: start, workTree: undefined };
  throw new ToolError(`${JSON.stringify(folders.show(start))} is in no git repository.`, {
    hint: 'a folder of one, or init; a repository whose top lies outside the folders of this server is not used',
  });
}

function linkIn(gitFolder: string, entry: Dirent): ToolError {
  return new ToolError(
    `The repository's own folder has a link in it, which is not followed: ${JSON.stringify(entry.name)} in ${basename(gitFolder)}.`,
    { hint: 'a repository without links in .git' },
  );
}

function listIfThere(folder: string): Dirent[] {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true ? readdirSync(folder, { withFileTypes: true }) : [];
}

/** Throws for a link in folders that git writes to by name; it would write through it. */
export function assertNoLinks(location: Location, effect: 'read' | 'write'): void {
  const { gitFolder, commonFolder } = location;
  let names = 0;
  const look = (folder: string, deep: boolean): void => {
    for (const entry of listIfThere(folder)) {
      if (entry.isSymbolicLink()) throw linkIn(folder, entry);
      if ((names += 1) > MAX_NAMES) return;
      if (deep && entry.isDirectory()) look(join(folder, entry.name), true);
    }
  };
  for (const folder of new Set([gitFolder, commonFolder])) look(folder, false);
  for (const name of ['objects', 'objects/info', 'objects/pack']) {
    look(join(commonFolder, name), false);
  }
  if (effect === 'read') return;
  for (const name of ['refs', 'logs', 'info']) look(join(commonFolder, name), true);
  for (const name of ['logs', 'refs', 'rebase-merge', 'rebase-apply', 'sequencer']) {
    if (gitFolder !== commonFolder || !['logs', 'refs'].includes(name)) {
      look(join(gitFolder, name), true);
    }
  }
}

/** Throws when objects are taken from a folder that may not be used. */
export async function assertAlternates(
  objects: string,
  folders: Folders,
  depth = 0,
): Promise<void> {
  const list = readSmallFile(join(objects, 'info/alternates'), 65_536)?.toString() ?? '';
  for (const line of list.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (depth >= MAX_ALTERNATES) throw new ToolError('The alternates are nested too deep.');
    const folder = await follow(folders, resolve(objects, line), 'objects/info/alternates');
    await assertAlternates(folder, folders, depth + 1);
  }
}
