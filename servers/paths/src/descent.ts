// The way from a root down to what a path names, folder by folder, each opened in the one above it and
// never through a link. Links are read and followed here, by the same steps, and only into a root. So
// there is no moment in which the system follows a path that somebody else can change.
import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { toChild, type Folder } from './folder.ts';
import { isInside } from './path-rules.ts';
import { toReal } from './protected-paths.ts';
import { inQuotes } from './shown.ts';
import { isSystemError } from './system-errors.ts';

export interface OpenRoot {
  /** As the operator wrote it. */
  readonly given: string;
  /** Free of links. */
  readonly real: string;
  readonly folder: Folder;
}

/** A name in an open folder, or the folder itself. Whoever gets one closes the folder. */
export interface Spot {
  readonly folder: Folder;
  readonly name: string | undefined;
  readonly root: OpenRoot;
}

export interface DescentOptions {
  roots: readonly OpenRoot[];
  /** As the caller wrote it, for errors. */
  path: string;
  /** Throws unless what is in a folder may be used by this name. */
  assertAllowed(root: OpenRoot, real: string, name: string): void;
  /** Throws unless what lies in a root may be used. */
  assertRoot(root: OpenRoot): void;
  /** Whether a link at the end is followed. */
  follow: boolean;
  /** Called before a folder is made on the way; none is without it. */
  beforeMaking?(folder: Folder, name: string): void;
  /** Called for each folder that was made. */
  onMade?(real: string): void;
}

const MAX_LINKS = 40;
/** Folders opened for one path. Only links that climb can ask for more than the path has names. */
const MAX_STEPS = 20_000;

function namesOf(path: string): string[] {
  return path.split(/[\\/]/).filter((name) => name !== '' && name !== '.');
}

/** The names of `path` below whichever root it lies in, as written or free of links. */
export function placeIn<Root extends { given: string; real: string }>(
  roots: readonly Root[],
  path: string,
): { root: Root; names: string[] } | undefined {
  for (const key of ['given', 'real'] as const) {
    const root = roots.find((each) => isInside(each[key], path));
    if (root !== undefined) {
      const names = relative(root[key], path)
        .split(sep)
        .filter((name) => name !== '');
      return { root, names };
    }
  }
  return undefined;
}

/** One answer for both, so that a link tells nothing of what there is outside. */
function leadsOut(path: string): ToolError {
  return new ToolError(
    `${inQuotes(path)} is outside the folders this server may use: a link on the way leads out of ` +
      'them, or is a link to something that does not exist.',
    { hint: 'delete the link, or give the path it should lead to' },
  );
}

export function descend(
  from: { root: OpenRoot; names: readonly string[] },
  options: DescentOptions,
): Spot {
  const { roots, path, assertAllowed, follow } = options;
  let root = from.root;
  let folder = root.folder;
  /** Names from the root down to `folder`. */
  let passed: string[] = [];
  /** Names still to go, the next one last. */
  let rest = from.names.toReversed();
  /** How many of `rest`, from its start, the caller wrote; the others come from links. */
  let own = rest.length;
  let [links, steps] = [0, 0];

  const leave = (): void => {
    if (folder !== root.folder) folder.close();
    folder = root.folder;
  };
  const enter = (name: string): void => {
    if ((steps += 1) > MAX_STEPS) throw leadsOut(path);
    const next = folder.open(name);
    leave();
    folder = next;
    passed.push(name);
  };
  const startIn = (next: OpenRoot, names: readonly string[]): void => {
    options.assertRoot(next);
    leave();
    [root, folder, passed] = [next, next.folder, []];
    rest = names.toReversed();
  };
  /** Goes on at an absolute path, which a link gave; what follows may lead back into a root. */
  const jump = (target: string): void => {
    const after = rest;
    const found = placeIn(roots, target) ?? placeIn(roots, toReal(target));
    if (found !== undefined) {
      startIn(found.root, [...found.names, ...after.toReversed()]);
      return;
    }
    const whole = resolve(target, ...after.toReversed());
    const back = placeIn(roots, whole) ?? placeIn(roots, toReal(whole));
    if (back === undefined) throw leadsOut(path);
    startIn(back.root, back.names);
    own = 0;
  };
  const climb = (): void => {
    if (passed.length === 0) {
      jump(resolve(root.real, '..'));
      return;
    }
    const after = rest;
    const names = passed.slice(0, -1);
    startIn(root, []);
    for (const name of names) enter(name);
    rest = after;
  };
  const followLink = (name: string): void => {
    if ((links += 1) > MAX_LINKS) {
      throw new ToolError(`${inQuotes(path)} leads through too many links.`);
    }
    const target = readlinkSync(folder.at(name));
    if (isAbsolute(target)) jump(resolve(target));
    else rest.push(...namesOf(target).toReversed());
  };
  const look = (name: string): Stats | undefined =>
    lstatSync(folder.at(name), { throwIfNoEntry: false });

  try {
    for (;;) {
      const name = rest.pop();
      if (name === undefined) return { folder, name, root };
      if (name === '..') {
        climb();
        continue;
      }
      const real = toChild(folder.real, name);
      assertAllowed(root, real, name);
      const isLast = rest.length === 0;
      const isOwn = rest.length < own;
      own = Math.min(own, rest.length);
      if (options.beforeMaking !== undefined && isOwn && look(name) === undefined) {
        options.beforeMaking(folder, name);
        if (make(folder, name)) options.onMade?.(real);
      }
      if (isLast && options.beforeMaking === undefined) {
        const stat = follow ? look(name) : undefined;
        if (stat?.isSymbolicLink() !== true) {
          if (stat === undefined && links > 0 && follow) throw leadsOut(path);
          return { folder, name, root };
        }
        followLink(name);
        continue;
      }
      try {
        enter(name);
      } catch (error) {
        // Which of the two a link gives depends on the system.
        if (!isSystemError(error, 'ELOOP', 'ENOTDIR') || look(name)?.isSymbolicLink() !== true) {
          throw error;
        }
        followLink(name);
      }
    }
  } catch (error) {
    leave();
    throw error;
  }
}

function make(folder: Folder, name: string): boolean {
  try {
    mkdirSync(folder.at(name));
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
}
