// Decides, for one caller, which files may be touched, and opens the way to them. The roots are opened
// once for each call, and all that follows goes down from those descriptors (descent.ts), so that a
// folder, a root or what lies above it can be swapped for a link at any moment and leads nowhere.
//
// Hard links: a name in a root is a file of that root. The system does not tell what other names a
// file has, no tool here makes hard links, and a write replaces the name instead of the shared file.
import { lstatSync, realpathSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { descend, placeIn, type DescentOptions, type OpenRoot, type Spot } from './descent.ts';
import {
  defaultVerification,
  openFolder,
  toChild,
  type AssertAllowed,
  type Folder,
  type Verification,
} from './folder.ts';
import { isKernelFile, listKernelMounts } from './kernel-files.ts';
import {
  DEVICE_FOLDER,
  HOME_REFUSAL,
  KERNEL_FOLDERS,
  KERNEL_REFUSAL,
  isInside,
  isStateFolder,
  parsePath,
  refusalOf,
} from './path-rules.ts';
import { createClosedFolders, createReadOnlyPaths, type ReadOnlyPaths } from './protected-paths.ts';
import { inQuotes, toShown } from './shown.ts';
import { isSystemError, rethrowSystemError } from './system-errors.ts';

export type Root = Pick<OpenRoot, 'given' | 'real'>;

/** A name in an open folder. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
  /** As callers see it. */
  readonly shown: string;
  readonly root: OpenRoot;
}

export interface PlaceOptions {
  /** Whether a link at the end of the path is followed. */
  follow: boolean;
  /** Whether the name is made, replaced, moved or removed. */
  change?: boolean;
}

export interface PathGuard {
  readonly roots: readonly Root[];
  /** A path as callers see it and may give it: relative inside the first root, else absolute. */
  show(real: string): string;
  /** The place of `path`, which need not exist. A link at its end is followed only with `follow`. */
  withPlace<T>(path: string, options: PlaceOptions, work: (place: Place) => Promise<T>): Promise<T>;
  isFolder(path: string): Promise<boolean>;
  /** Whether `path` is written as a root is. */
  isRoot(path: string): boolean;
  withFolder<T>(path: string, work: (folder: Folder, shown: string) => Promise<T>): Promise<T>;
  /** As `withFolder`, for a root. */
  withRoot<T>(root: Root, work: (folder: Folder) => Promise<T>): Promise<T>;
  /** Makes `path` and the folders above it that are missing; answers those made. */
  createFolders(path: string): Promise<string[]>;
  /** Tells, for the names in a folder that may be used, which of them may not. */
  hides(folder: string): (name: string) => boolean;
  /** Real paths in `folder` that no search may enter. */
  hiddenIn(folder: string): string[];
  close(): void;
}

export interface PathGuardOptions {
  roots: readonly string[];
  /** Folders that are never opened, such as Drawbridge's homes. */
  closed?: readonly string[];
  /** Files and folders that are never changed. Asked for only by what changes something. */
  readOnly?: () => readonly string[];
  /** Where each root led when it was first used; a root that leads elsewhere later is refused. */
  pins?: Map<string, string>;
  verification?: Verification;
}

const HOW_TO_GIVE_A_ROOT =
  'start the server with --root /path/to/folder (repeatable), or set the project roots in the bridge';

function realIfThere(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return undefined;
    throw error;
  }
}

/** A path through `/proc/self/fd/N` is of no use to a caller; errors name the path they gave. */
async function inWords<T>(path: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return rethrowSystemError(error, path);
  }
}

/** Opens what there is of the roots that were given. */
function openRoots(
  { roots: given, pins = new Map<string, string>() }: PathGuardOptions,
  { assertOpened, verification }: { assertOpened: AssertAllowed; verification: Verification },
): OpenRoot[] {
  const roots: OpenRoot[] = [];
  try {
    for (const path of given.filter((each) => each !== '').map((each) => resolve(each))) {
      const real = realIfThere(path);
      if (real === undefined) continue;
      const folder = openRoot(real, assertOpened, verification);
      if (folder === undefined) continue;
      roots.push({ given: path, real, folder });
      if (!pins.has(path)) pins.set(path, real);
      if (folder.real !== real || pins.get(path) !== real) {
        throw new ToolError(
          `The root ${inQuotes(path)} leads elsewhere than when it was first used.`,
          {
            hint: 'start the server again if that is meant',
          },
        );
      }
    }
    return roots;
  } catch (error) {
    for (const { folder } of roots) folder.close();
    throw error;
  }
}

/** Nothing when it went away meanwhile, or is no folder. */
function openRoot(
  real: string,
  assertOpened: AssertAllowed,
  verification: Verification,
): Folder | undefined {
  try {
    return openFolder(real, assertOpened, verification);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    return rethrowSystemError(error, real);
  }
}

function refused(path: string, refusal: string): ToolError {
  return new ToolError(`${inQuotes(path)} is in ${refusal}, which no tool opens.`);
}

export async function createPathGuard(options: PathGuardOptions): Promise<PathGuard> {
  const { roots: given, verification = defaultVerification() } = options;
  const closed = createClosedFolders(options.closed ?? []);
  const kernelDevices = new Map<number, boolean>();
  const isKernel = (dev: number, path: string): boolean => {
    let known = kernelDevices.get(dev);
    if (known === undefined) kernelDevices.set(dev, (known = isKernelFile(path)));
    return known;
  };
  let roots: OpenRoot[] = [];
  const assertOpened: AssertAllowed = (real, { dev, ino, path }) => {
    // By descriptor, what was opened lies where the way down said; else it was looked up again.
    if (verification === 'compare' && roots.length > 0) assertAllowed(real);
    if (closed.has({ dev, ino })) throw refused(real, HOME_REFUSAL);
    if (isKernel(dev, path)) throw refused(real, KERNEL_REFUSAL);
  };
  const outside = (path: string): ToolError =>
    new ToolError(`${inQuotes(path)} is outside the folders this server may use.`, {
      allowed: roots.map((root) => toShown(root.given)).join(', '),
      hint: 'a path in one of these; links that lead out of them are not followed',
    });
  const assertAllowed = (real: string, path = real): void => {
    const root = roots.find((each) => isInside(each.real, real));
    if (root === undefined) throw outside(path);
    const refusal = refusalOf(real, root.real, closed.paths);
    if (refusal !== undefined) throw refused(path, refusal);
  };
  roots = openRoots(options, { assertOpened, verification });
  const [first] = roots;
  const closedPaths = new Set([...closed.paths, ...KERNEL_FOLDERS, DEVICE_FOLDER]);
  /** Of a name in a folder that may be used: whether it may not. */
  const isClosed = (root: Root, real: string, name: string): boolean =>
    isStateFolder(name) ||
    (closedPaths.has(real) && refusalOf(real, root.real, closed.paths) !== undefined);
  const show = (real: string): string => {
    if (first === undefined || !isInside(first.real, real)) return toShown(real);
    return toShown(relative(first.real, real).split(sep).join('/') || '.');
  };
  let readOnlyPaths: ReadOnlyPaths | undefined;
  /** A folder that is new and empty may be made above what stays where it is. */
  const assertChangeable = (change: {
    folder: Folder;
    name: string;
    path: string;
    isNew?: boolean;
  }): void => {
    const { folder, name, path, isNew = false } = change;
    readOnlyPaths ??= createReadOnlyPaths(options.readOnly?.() ?? [], [
      ...closed.paths,
      ...given.filter((each) => each !== '').map((each) => resolve(each)),
    ]);
    const refusal =
      readOnlyPaths.refusalOf(folder, name) ??
      (isNew ? undefined : readOnlyPaths.refusalToMove(folder, name));
    if (refusal !== undefined) throw new ToolError(`${inQuotes(path)} ${refusal}.`);
  };

  /** The path as written, in the root it lies in. */
  const parse = (path: string): { root: OpenRoot; names: string[] } => {
    if (first === undefined) {
      const missing = given.filter((each) => each !== '').map(toShown);
      throw new ToolError(
        missing.length === 0
          ? 'This server was given no folder, so it may open nothing.'
          : `None of the folders given to this server exists: ${missing.join(', ')}.`,
        { hint: HOW_TO_GIVE_A_ROOT },
      );
    }
    const written = parsePath(path, first.given);
    const found = placeIn(roots, written);
    if (found === undefined) throw outside(path);
    assertAllowed(join(found.root.real, ...found.names), path);
    return found;
  };
  const find = (path: string, more: Pick<DescentOptions, 'follow'> & Partial<DescentOptions>) =>
    descend(parse(path), {
      roots,
      path,
      assertAllowed: (root, real, name) => {
        if (isClosed(root, real, name)) assertAllowed(real, path);
      },
      assertRoot: (root) => assertAllowed(root.real, path),
      ...more,
    });
  const inSpot = async <T>(spot: Spot, work: () => Promise<T> | T): Promise<T> => {
    try {
      return await work();
    } finally {
      if (spot.folder !== spot.root.folder) spot.folder.close();
    }
  };

  const withFolder: PathGuard['withFolder'] = (path, work) =>
    inWords(path, async () => {
      const spot = find(path, { follow: true });
      return inSpot(spot, async () => {
        const { folder, name } = spot;
        if (name === undefined) return work(folder, show(folder.real));
        if (!lstatSync(folder.at(name)).isDirectory()) {
          throw new ToolError(`${inQuotes(path)} is a file, not a folder.`, {
            hint: 'read_text or info',
          });
        }
        const inner = folder.open(name);
        try {
          return await work(inner, show(inner.real));
        } finally {
          inner.close();
        }
      });
    });

  return {
    roots,
    show,
    withPlace: (path, { follow, change = false }, work) =>
      inWords(path, () => {
        const spot = find(path, { follow });
        return inSpot(spot, () => {
          const { folder, name, root } = spot;
          if (name === undefined) {
            throw new ToolError(`${inQuotes(path)} is a root itself, not something in it.`);
          }
          if (change) assertChangeable({ folder, name, path });
          return work({ folder, name, root, shown: show(join(folder.real, name)) });
        });
      }),
    isRoot: (path) => parse(path).names.length === 0,
    isFolder: (path) =>
      inWords(path, () => {
        const spot = find(path, { follow: true });
        const { folder, name } = spot;
        return inSpot(spot, () => name === undefined || lstatSync(folder.at(name)).isDirectory());
      }),
    withFolder,
    withRoot: (root, work) => withFolder(root.given, work),
    createFolders: (path) =>
      inWords(path, () => {
        const made: string[] = [];
        const spot = find(path, {
          follow: true,
          beforeMaking: (folder, name) => assertChangeable({ folder, name, path, isNew: true }),
          onMade: (real) => made.push(show(real)),
        });
        return inSpot(spot, () => made);
      }),
    hides(folder) {
      const root = roots.find((each) => isInside(each.real, folder));
      if (root === undefined || refusalOf(folder, root.real, closed.paths) !== undefined) {
        return () => true;
      }
      return (name) => isClosed(root, toChild(folder, name), name);
    },
    hiddenIn: (folder) =>
      [...closed.paths, ...listKernelMounts()].filter(
        (each) => each !== folder && isInside(folder, each),
      ),
    close: () => {
      for (const root of roots) root.folder.close();
    },
  };
}
