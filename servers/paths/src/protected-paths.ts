// Paths that are no caller's: folders that are never opened (homes and the user's state), and files
// and folders that are never changed (settings, the bridge's installation). They are known by path,
// as written and free of links, and by what stands there, so that another name for the same folder
// leads no further.
import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { toChild, type Folder, type Lineage } from './folder.ts';
import { isInside } from './path-rules.ts';
import { isSystemError } from './system-errors.ts';

const ABSENT = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'] as const;

/** `path` free of links, as far down as it exists. */
export function toReal(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (!isSystemError(error, ...ABSENT, 'ENAMETOOLONG')) throw error;
    const above = dirname(path);
    return above === path ? path : join(toReal(above), basename(path));
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isSystemError(error, ...ABSENT)) return undefined;
    throw error;
  }
}

function keyOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}
function withReal(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, toReal(path)]))];
}
/** Some file systems take these for one name. */
function sameName(a: string, b: string): boolean {
  return a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase();
}

export interface ClosedFolders {
  readonly paths: readonly string[];
  /** Whether what was opened is one of them, by whatever path. */
  has(opened: { dev: number; ino: number }): boolean;
}

export function createClosedFolders(given: readonly string[]): ClosedFolders {
  const paths = withReal(given);
  const keys = new Set(paths.flatMap((path) => statOf(path) ?? []).map(keyOf));
  return { paths, has: (opened) => keys.size > 0 && keys.has(keyOf(opened)) };
}

export interface ReadOnlyPaths {
  /** Why the name may be neither made nor changed; nothing when it may. */
  refusalOf(folder: Folder, name: string): string | undefined;
  /** Why it may not be replaced, moved or removed with all that is in it; nothing when it may. */
  refusalToMove(folder: Folder, name: string): string | undefined;
}

export function createReadOnlyPaths(
  readOnly: readonly string[],
  /** What must stay where it is, though it may be opened or has refusals of its own. */
  fixed: readonly string[],
): ReadOnlyPaths {
  const paths = withReal(readOnly);
  const stays = [...paths, ...withReal(fixed)];
  const folders = new Set<string>();
  /** Names by the folder they lie in. */
  const names = new Map<string, string[]>();
  const above = new Set<string>();
  for (const path of paths) {
    const stat = statOf(path);
    if (stat?.isDirectory() === true) folders.add(keyOf(stat));
    const parent = statOf(dirname(path));
    if (parent === undefined) continue;
    names.set(keyOf(parent), [...(names.get(keyOf(parent)) ?? []), basename(path)]);
  }
  for (const path of stays) {
    for (let at = dirname(path); ; at = dirname(at)) {
      const stat = statOf(at);
      if (stat !== undefined) above.add(keyOf(stat));
      if (dirname(at) === at) break;
    }
  }
  const isReadOnlyFolder = (lineage: Lineage | undefined): boolean => {
    if (folders.size === 0) return false;
    for (let at = lineage; at !== undefined; at = at.above) {
      if (folders.has(keyOf(at))) return true;
    }
    return false;
  };
  return {
    refusalOf(folder, name) {
      const real = toChild(folder.real, name);
      const isNamed =
        paths.some((path) => isInside(path, real)) ||
        (names.get(keyOf(folder.lineage)) ?? []).some((each) => sameName(each, name)) ||
        isReadOnlyFolder(folder.lineage);
      return isNamed ? "is Drawbridge's own and for reading only" : undefined;
    },
    refusalToMove(folder, name) {
      const real = join(folder.real, name);
      const stat = lstatSync(folder.at(name), { throwIfNoEntry: false });
      const holds =
        stays.some((path) => isInside(real, path)) ||
        (stat?.isDirectory() === true && above.has(keyOf(stat)));
      return holds ? 'is or holds what stays where it is, such as a root or settings' : undefined;
    },
  };
}
