// Which home the bridge works in, and whether it may be believed. A home holds a database with its own
// settings, keys and the allowed settings of servers: all of it decides what is run. So a `.drawbridge`
// that merely lies in the working folder counts only when this user's list says that Drawbridge made it.
import { randomUUID } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { knownHomeSchema, toUserStateFolder } from '@drawbridge/schemas';
import { z } from 'zod';
import { DrawbridgeError, isSystemError } from '../errors.ts';
import { toRealPath } from './inside.ts';
import {
  hasModes,
  isOwnUser,
  readPrivateJson,
  toEntryName,
  writePrivateJson,
} from './private-file.ts';

export interface HomeOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** From the command line; wins over `DRAWBRIDGE_HOME`. */
  readonly home?: string | undefined;
}

/**
 * `named`: the operator said which one. `listed`: found, and made by Drawbridge. `missing`: nothing is
 * there, or an empty folder of this user's. `foreign`: found, and nobody knows who made it.
 */
export type HomeTrust = 'named' | 'listed' | 'missing' | 'foreign';

export interface Home {
  /** Absolute. */
  readonly path: string;
  readonly trust: HomeTrust;
}

const DEFAULT_NAME = '.drawbridge';
/** Tells the home from another folder of its name. */
const ID_FILE = 'home.json';

/** Where Drawbridge keeps its state: `--home`, `DRAWBRIDGE_HOME`, else `.drawbridge` in the folder. */
export function findHome({ env, cwd, home }: HomeOptions): Home {
  const named = home ?? (env['DRAWBRIDGE_HOME'] || undefined);
  if (named !== undefined) return { path: resolve(cwd, named), trust: 'named' };
  const path = join(resolve(cwd), DEFAULT_NAME);
  return { path, trust: isListed(path, env) ? 'listed' : isFree(path) ? 'missing' : 'foreign' };
}

/** @throws DrawbridgeError `home/foreign` for a home that may not be used without being asked for. */
export function assertTrusted({ path, trust }: Home): void {
  if (trust !== 'foreign') return;
  throw new DrawbridgeError(
    'home/foreign',
    `${path} was not made by Drawbridge for this user, or was moved here, so nothing in it is used. Name it with --home (or DRAWBRIDGE_HOME) if it is yours; \`drawbridge start\` on a terminal asks.`,
  );
}

/**
 * Makes the home when it is missing and puts it on the list of this user's homes. Answers whether it
 * was made. A home that was named works without the list too.
 *
 * @throws DrawbridgeError `home/foreign`, or `settings/invalid` where the list cannot be kept.
 */
export function claimHome(home: Home, env: HomeOptions['env']): boolean {
  assertTrusted(home);
  const isNew = makeFolder(home.path) || home.trust === 'missing';
  // Somebody else may have made it since it was looked for.
  if (home.trust === 'missing' && !isFree(home.path)) {
    const { trust } = findHome({ env, cwd: dirname(home.path) });
    assertTrusted({ path: home.path, trust });
  }
  const list = toListFolder(env);
  if (home.trust === 'named') {
    if (list === undefined) return isNew;
    try {
      listHome(home.path, env);
    } catch (error) {
      // Containers and services may have no home directory that can be written.
      const isExpected =
        error instanceof DrawbridgeError ||
        isSystemError(error, 'EACCES', 'EROFS', 'ENOENT', 'ENOTDIR', 'EPERM');
      if (!isExpected) throw error;
    }
    return isNew;
  }
  if (home.trust !== 'listed') listHome(home.path, env);
  return isNew;
}

/** Puts a home on the list: from now on it is used where it is found. */
export function listHome(path: string, env: HomeOptions['env']): void {
  const list = toListFolder(env);
  if (list === undefined) {
    throw new DrawbridgeError(
      'settings/invalid',
      `Drawbridge keeps a list of its homes in this user's home directory, and HOME is not set. Set it, or name the home with --home.`,
    );
  }
  const real = toRealPath(path);
  // In this order: a home that holds more than its id is listed.
  const id = readId(real) ?? makeId(real);
  writePrivateJson(join(list, toEntryName(real)), { path: real, id });
}

/** Every home on the list, whether it still exists or not. */
export function listedHomes(env: HomeOptions['env']): string[] {
  const list = toListFolder(env);
  if (list === undefined) return [];
  return readFolder(list)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const { success, data } = knownHomeSchema.safeParse(readPrivateJson(join(list, name)));
      return success ? [data.path] : [];
    });
}

function isListed(path: string, env: HomeOptions['env']): boolean {
  const list = toListFolder(env);
  // A link could lead to a home that was made for another folder.
  if (list === undefined || !isFolder(path)) return false;
  const real = toRealPath(path);
  const { success, data } = knownHomeSchema.safeParse(
    readPrivateJson(join(list, toEntryName(real))),
  );
  return success && data.path === real && data.id !== undefined && data.id === readId(real);
}

const idSchema = z.object({ id: z.string().min(1) });

function readId(home: string): string | undefined {
  return idSchema.safeParse(readPrivateJson(join(home, ID_FILE))).data?.id;
}

/** Of two that make it at once, one wins, and both answer the same id. */
function makeId(home: string): string {
  const path = join(home, ID_FILE);
  const draft = `${path}.${randomUUID()}`;
  writePrivateJson(draft, { id: randomUUID() });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    // One that counts was made meanwhile; any other was shipped with the folder.
    if (readId(home) === undefined) renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  const id = readId(home);
  if (id === undefined) throw new Error(`${path} cannot be read`);
  return id;
}

function toListFolder(env: HomeOptions['env']): string | undefined {
  const state = toUserStateFolder(env);
  return state === undefined ? undefined : join(state, 'homes');
}

/** Whether a home can be made there: nothing is, or an empty folder that only this user can write. */
function isFree(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  const isOurs = isOwnUser(found.uid) && (!hasModes || (found.mode & 0o022) === 0);
  return found.isDirectory() && isOurs && readFolder(path).every((name) => isIdFile(name));
}

/** Also of one that is being made. */
function isIdFile(name: string): boolean {
  return name === ID_FILE || name.startsWith(`${ID_FILE}.`);
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Answers whether it was made here and now. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw new DrawbridgeError(
      'store/start_failed',
      `${path} cannot be made (${String(error)}). Set DRAWBRIDGE_HOME to a folder that can.`,
      { cause: error },
    );
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}
