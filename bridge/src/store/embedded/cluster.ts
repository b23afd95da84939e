// A cluster is PostgreSQL's word for a data folder. It is made beside its place and moved there by one
// rename, so what lies at its place is always whole. Whoever calls holds the lock of the home.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Logger } from 'pino';
import { DrawbridgeError, isSystemError, toMessage } from '../../errors.ts';
import type { FileLock } from '../file-lock.ts';
import { USER } from './address.ts';
import type { Binaries } from './binaries.ts';
import { explainFailure } from './failure.ts';
import type { Launch, Launcher } from './launch.ts';
import { MAKING, clearDataFolder, endServersOf } from './former-server.ts';

export interface Cluster {
  readonly dataFolder: string;
  readonly password: string;
}

interface ClusterOptions {
  /** The folder `postgres` of a home. */
  readonly folder: string;
  readonly binaries: Binaries;
  readonly launcher: Launcher;
  readonly logger: Logger;
  readonly fsync: boolean;
  /** A value of `dynamic_shared_memory_type`. */
  readonly sharedMemory: string;
  /** Held by what works in the folder. */
  readonly lock: FileLock | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds the cluster of a folder or makes it. Whoever calls knows that no server runs on it. Rejects with
 * `store/start_failed`.
 */
export async function ensureCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder } = options;
  const dataFolder = join(folder, 'data');
  for (const name of await readdir(folder)) {
    if (name.startsWith(MAKING)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const passwordFile = join(folder, 'password');
  const held = await readPassword(passwordFile);
  if (await isThere(dataFolder)) {
    const password = held ?? (await replacePassword(options, passwordFile));
    return { dataFolder, password };
  }
  const password = held ?? createPassword();
  if (held === undefined) await keepPassword(passwordFile, password);
  await makeCluster(options, dataFolder, password);
  return { dataFolder, password };
}

async function makeCluster(
  options: ClusterOptions,
  dataFolder: string,
  password: string,
): Promise<void> {
  const { folder, binaries, launcher, fsync, sharedMemory } = options;
  const making = await mkdtemp(join(folder, MAKING));
  try {
    const data = join(making, 'data');
    const passwordFile = join(making, 'password');
    await mkdir(data, { mode: 0o700 });
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (launcher.account !== undefined) {
      const { uid, gid } = launcher.account;
      for (const path of [making, data, passwordFile]) await chown(path, uid, gid);
    }
    const { code, printed } = await run(options, {
      program: binaries.initdb,
      args: [
        `--pgdata=${launcher.toDataArgument(data)}`,
        `--pwfile=${launcher.toSiblingArgument(data, 'password')}`,
        `--username=${USER}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        '--set',
        `dynamic_shared_memory_type=${sharedMemory}`,
        ...(fsync ? [] : ['--no-sync']),
      ],
      cwd: data,
    });
    if (code !== 0) {
      throw new DrawbridgeError(
        'store/start_failed',
        `The database could not be made. ${explainFailure(printed, folder)}`,
      );
    }
    await rename(data, dataFolder);
  } finally {
    // Children of an initdb that was killed still write.
    await endServersOf(join(making, 'data'));
    await rm(making, { recursive: true, force: true });
  }
}

/** Whoever owns the data folder owns the database: a lost password is replaced, without the server. */
async function replacePassword(options: ClusterOptions, path: string): Promise<string> {
  const { folder, binaries, launcher, logger, sharedMemory } = options;
  logger.warn(`${path} was missing or empty: the database gets a new password`);
  const dataFolder = join(folder, 'data');
  const password = createPassword();
  await clearDataFolder(dataFolder);
  const { code, printed } = await run(options, {
    program: binaries.postgres,
    args: [
      '--single',
      '-D',
      launcher.toDataArgument(dataFolder),
      '-c',
      `dynamic_shared_memory_type=${sharedMemory}`,
      'postgres',
    ],
    cwd: dataFolder,
    input: `alter role ${USER} password '${password}'\n`,
  });
  if (code !== 0 || /\b(ERROR|FATAL|PANIC):/.test(printed)) {
    throw new DrawbridgeError(
      'store/start_failed',
      `${path} is missing or empty, and the database could not be given a new password. ${explainFailure(printed, dataFolder)}`,
    );
  }
  await keepPassword(path, password);
  return password;
}

/** Runs one of PostgreSQL's programs to its end; it ends early when the start is called off. */
async function run(
  { launcher, lock, signal }: ClusterOptions,
  launch: Omit<Launch, 'output' | 'lock'>,
): Promise<{ readonly code: unknown; readonly printed: string }> {
  signal?.throwIfAborted();
  const child = launcher.launch({ ...launch, output: 'pipe', lock });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  try {
    const [[code], printed] = await Promise.all([
      once(child, 'exit'),
      Promise.all(
        [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))),
      ),
    ]);
    signal?.throwIfAborted();
    return { code, printed: printed.join('\n') };
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Undefined when there is none: it was removed, or emptied by a full disk. */
async function readPassword(path: string): Promise<string | undefined> {
  try {
    const password = (await readFile(path, 'utf8')).trim();
    await chmod(path, 0o600);
    return password === '' ? undefined : password;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw new DrawbridgeError(
      'store/start_failed',
      `${path} cannot be read (${toMessage(error)}). Give it to the user that runs the bridge (chown), or remove it: then the database gets a new password.`,
      { cause: error },
    );
  }
}

function createPassword(): string {
  return randomBytes(24).toString('base64url');
}

async function keepPassword(path: string, password: string): Promise<void> {
  // Written out before it counts: after a loss of power it would be empty.
  await writeFile(`${path}.new`, `${password}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}
