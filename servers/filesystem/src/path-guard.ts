// Decides, for one caller, which files may be touched, and opens the way to them. A path passes when
// it lies in a root as written, when it still does with every link resolved, and when the folder
// that was opened is the one that was meant. Nothing is opened by a path that was merely checked.
//
// Hard links: a name in a root is a file of that root. The system does not tell what other names a
// file has, no tool here makes hard links, and a write replaces the name instead of the shared file.
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { defaultVerification, openFolder, type Folder, type Verification } from './folder.ts';
import { isInside, parsePath, refusalOf } from './path-rules.ts';
import { isSystemError, rethrowSystemError } from './system-errors.ts';

export interface Root {
  /** As the operator wrote it. */
  readonly given: string;
  /** Free of links. */
  readonly real: string;
}

/** A name in an open folder. Whoever gets one closes its folder. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
  /** As callers see it. */
  readonly shown: string;
  readonly root: Root;
}

export interface PathGuard {
  readonly roots: readonly Root[];
  /** A path as callers see it and may give it: relative inside the first root, else absolute. */
  show(real: string): string;
  /** The place of `path`, which need not exist. A link at its end is followed only with `follow`. */
  withPlace<T>(
    path: string,
    options: { follow: boolean },
    work: (place: Place) => Promise<T>,
  ): Promise<T>;
  isFolder(path: string): Promise<boolean>;
  /** Whether `path` is written as a root is. */
  isRoot(path: string): boolean;
  withFolder<T>(path: string, work: (folder: Folder, shown: string) => Promise<T>): Promise<T>;
  /** Makes `path` and the folders above it that are missing; answers those made. */
  createFolders(path: string): Promise<string[]>;
  /** Whether a path free of links may be used. */
  allows(real: string): boolean;
  /** Throws for a folder that is a root, or that has Drawbridge's own folder in it. */
  assertMovable(real: string): void;
  /** Real paths in `folder` that no search may enter. */
  hiddenIn(folder: string): string[];
}

export interface PathGuardOptions {
  roots: readonly string[];
  /** Drawbridge's own home folder. */
  home?: string | undefined;
  verification?: Verification;
}

const HOW_TO_GIVE_A_ROOT =
  'start the server with --root /path/to/folder (repeatable), or set the project roots in the bridge';

const realIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await realpath(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return undefined;
    throw error;
  }
};

/** A path through `/proc/self/fd/N` is of no use to a caller; errors name the path they gave. */
const inWords = async <T>(shown: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    return rethrowSystemError(error, shown);
  }
};

export const createPathGuard = async ({
  roots: given,
  home,
  verification = defaultVerification(),
}: PathGuardOptions): Promise<PathGuard> => {
  const roots: Root[] = [];
  for (const path of given) {
    const real = path === '' ? undefined : await realIfThere(path);
    if (real !== undefined) roots.push({ given: resolve(path), real });
  }
  const homes =
    home === undefined || home === ''
      ? []
      : [resolve(home), (await realIfThere(home)) ?? resolve(home)];
  const [first] = roots;

  const outside = (shown: string): ToolError =>
    new ToolError(`"${shown}" is outside the folders this server may use.`, {
      allowed: roots.map((root) => root.given).join(', '),
      hint: 'a path in one of these; links that lead out of them are not followed',
    });
  const refused = (shown: string, refusal: string): ToolError =>
    new ToolError(`"${shown}" is in ${refusal}, which no tool opens.`);
  const assertAllowed = (real: string, shown = real): void => {
    const root = roots.find((each) => isInside(each.real, real));
    if (root === undefined) throw outside(shown);
    const refusal = refusalOf(real, root.real, homes);
    if (refusal !== undefined) throw refused(shown, refusal);
  };
  const open = (path: string): Promise<Folder> => openFolder(path, assertAllowed, verification);
  const show = (real: string): string => {
    if (first === undefined || !isInside(first.real, real)) return real;
    return relative(first.real, real).split(sep).join('/') || '.';
  };

  /** The path as written, in the root it lies in. */
  const parse = (path: string): { written: string; root: Root } => {
    if (first === undefined) {
      const missing = given.filter((each) => each !== '');
      throw new ToolError(
        missing.length === 0
          ? 'This server was given no folder, so it may open nothing.'
          : `None of the folders given to this server exists: ${missing.join(', ')}.`,
        { hint: HOW_TO_GIVE_A_ROOT },
      );
    }
    const written = parsePath(path, first.given);
    const root =
      roots.find((each) => isInside(each.given, written)) ??
      roots.find((each) => isInside(each.real, written));
    if (root === undefined) throw outside(path);
    const refusal = refusalOf(
      written,
      isInside(root.given, written) ? root.given : root.real,
      homes,
    );
    if (refusal !== undefined) throw refused(path, refusal);
    return { written, root };
  };

  const openPlace = async (path: string, follow: boolean): Promise<Place> => {
    const { written, root } = parse(path);
    if (written === root.given || written === root.real) {
      throw new ToolError(`"${path}" is a root itself, not something in it.`);
    }
    const parent = await realpath(dirname(written));
    assertAllowed(parent, path);
    const folder = await open(parent);
    try {
      const name = basename(written);
      assertAllowed(join(folder.real, name), path);
      const place = { folder, name, shown: show(join(folder.real, name)), root };
      if (!follow || !(await isLink(folder.at(name)))) return place;
      const target = await realIfThere(folder.at(name));
      if (target === undefined) {
        throw new ToolError(`"${path}" is a link to something that does not exist.`, {
          hint: 'delete the link, or give the path it should lead to',
        });
      }
      assertAllowed(target, path);
      const targetFolder = await open(dirname(target));
      await folder.close();
      return { folder: targetFolder, name: basename(target), shown: show(target), root };
    } catch (error) {
      await folder.close();
      throw error;
    }
  };

  return {
    roots,
    show,
    withPlace: (path, { follow }, work) =>
      inWords(path, async () => {
        const place = await openPlace(path, follow);
        try {
          return await work(place);
        } finally {
          await place.folder.close();
        }
      }),
    isRoot(path) {
      const { written, root } = parse(path);
      return written === root.given || written === root.real;
    },
    isFolder: (path) =>
      inWords(path, async () => {
        const real = await realpath(parse(path).written);
        assertAllowed(real, path);
        return (await lstat(real)).isDirectory();
      }),
    withFolder: (path, work) =>
      inWords(path, async () => {
        const { written } = parse(path);
        const real = await realpath(written);
        assertAllowed(real, path);
        if (!(await lstat(real)).isDirectory()) {
          throw new ToolError(`"${path}" is a file, not a folder.`, { hint: 'read_text or info' });
        }
        const folder = await open(real);
        try {
          return await work(folder, show(folder.real));
        } finally {
          await folder.close();
        }
      }),
    createFolders: (path) =>
      inWords(path, async () => {
        const { written, root } = parse(path);
        const base = isInside(root.given, written) ? root.given : root.real;
        const names = relative(base, written)
          .split(sep)
          .filter((name) => name !== '');
        const made: string[] = [];
        let folder = await open(root.real);
        try {
          for (const name of names) {
            assertAllowed(join(folder.real, name), path);
            if (await makeFolder(folder, name)) made.push(show(join(folder.real, name)));
            const real = await realpath(folder.at(name));
            assertAllowed(real, path);
            const next = await open(real);
            await folder.close();
            folder = next;
          }
        } finally {
          await folder.close();
        }
        return made;
      }),
    allows: (real) =>
      roots.some(
        (root) => isInside(root.real, real) && refusalOf(real, root.real, homes) === undefined,
      ),
    assertMovable(real) {
      if (roots.some((root) => root.real === real || isInside(real, root.real))) {
        throw new ToolError(`"${show(real)}" is a root or holds one; it stays where it is.`);
      }
      if (homes.some((each) => isInside(real, each))) {
        throw new ToolError(`"${show(real)}" holds Drawbridge's own folder; it stays where it is.`);
      }
    },
    hiddenIn: (folder) => homes.filter((each) => each !== folder && isInside(folder, each)),
  };
};

const isLink = async (path: string): Promise<boolean> => {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
};

const makeFolder = async (folder: Folder, name: string): Promise<boolean> => {
  try {
    await mkdir(folder.at(name));
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
};
