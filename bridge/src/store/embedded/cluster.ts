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
import { DrawbridgeError, isSystemError } from '../../errors.ts';
import { explainFailure } from './failure.ts';
import type { Launcher } from './launch.ts';

export const USER = 'drawbridge';
const MAKING = 'making-';

export interface Cluster {
  readonly dataFolder: string;
  readonly password: string;
}

interface ClusterOptions {
  /** The folder `postgres` of a home. */
  readonly folder: string;
  readonly initdb: string;
  readonly launcher: Launcher;
  readonly fsync: boolean;
  /** Ends the making of a cluster. */
  readonly signal?: AbortSignal | undefined;
}

/** Finds the cluster of a folder or makes it. Rejects with `store/start_failed`. */
export async function ensureCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder } = options;
  const dataFolder = join(folder, 'data');
  for (const name of await readdir(folder)) {
    if (name.startsWith(MAKING)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const password = await ensurePassword(join(folder, 'password'));
  if (!(await isThere(dataFolder))) await makeCluster(options, dataFolder, password);
  return { dataFolder, password };
}

async function makeCluster(
  { folder, initdb, launcher, fsync, signal }: ClusterOptions,
  dataFolder: string,
  password: string,
): Promise<void> {
  signal?.throwIfAborted();
  const making = await mkdtemp(join(folder, MAKING));
  const data = join(making, 'data');
  const passwordFile = join(making, 'password');
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (launcher.account !== undefined) {
    const { uid, gid } = launcher.account;
    for (const path of [making, data, passwordFile]) await chown(path, uid, gid);
  }
  const child = launcher.launch({
    program: initdb,
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
      ...(fsync ? [] : ['--no-sync']),
    ],
    cwd: data,
    output: 'pipe',
  });
  // It leads a group of its own, and starts servers that it would wait for.
  const kill = (): void => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
  signal?.addEventListener('abort', kill, { once: true });
  const [[code], printed] = await Promise.all([
    once(child, 'exit'),
    Promise.all(
      [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))),
    ),
  ]).finally(() => signal?.removeEventListener('abort', kill));
  if (code !== 0) {
    await rm(making, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw new DrawbridgeError(
      'store/start_failed',
      `The database could not be made. ${explainFailure(printed.join('\n'), folder)}`,
    );
  }
  await rename(data, dataFolder);
  await rm(making, { recursive: true, force: true });
}

async function ensurePassword(path: string): Promise<string> {
  try {
    const password = await readFile(path, 'utf8');
    await chmod(path, 0o600);
    return password.trim();
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(`${path}.new`, `${password}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return password;
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
