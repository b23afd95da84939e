// What a former bridge left of its PostgreSQL, and the proof that nothing of it is left: two servers on one
// data folder destroy it. Every process that works in the folder inherits the kernel's lock of its home's
// `postgres/lock`, so while one lives anywhere on this machine, zombies not counted, nobody gets that lock.
import { readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { DrawbridgeError, isSystemError } from '../../errors.ts';
import { type FileLock, tryLock } from '../file-lock.ts';
import { listPostgresOf } from '../../processes/process-identity.ts';
import { endProcesses } from '../../processes/end-processes.ts';
import { SOCKET_NAME, isSocketPath } from './address.ts';
import { readPidFile } from './pid-file.ts';

/** How the folders begin in which a data folder is made. */
export const MAKING = 'making-';
/**
 * A server that cannot be seen may be about to end: its bridge just died in another container, or this one
 * is root without the right to look at other users' processes, as in Docker.
 */
const TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const PROBE_MS = 1_000;
/** What a path says behind which nobody listens. */
const NOBODY = ['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK', 'EACCES'];

export interface TakeClusterOptions {
  /** The folder `postgres` of a home whose lock the caller holds. */
  readonly folder: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/**
 * Ends the servers that outlived their bridge, and takes the lock; undefined where the kernel has none.
 * Rejects with `store/start_failed` when something holds the folder that cannot be seen, so not be ended.
 */
export async function takeCluster({
  folder,
  logger,
  signal,
  timeoutMs = TIMEOUT_MS,
}: TakeClusterOptions): Promise<FileLock | undefined> {
  const begin = performance.now();
  const data = join(folder, 'data');
  for (;;) {
    signal?.throwIfAborted();
    for (const name of await readdir(folder)) {
      if (name.startsWith(MAKING)) await endProcesses({ list: () => listIn(folder, name) });
    }
    const ended = await endServersOf(data);
    if (ended.length > 0) logger.info({ pids: ended }, 'ended a database that outlived its bridge');
    const lock = tryLock(join(folder, 'lock'));
    if (lock !== 'held') {
      try {
        await assertUnused(data);
      } catch (error) {
        if (lock !== 'unknown') lock.release();
        throw error;
      }
      return lock === 'unknown' ? undefined : lock;
    }
    if (performance.now() - begin > timeoutMs) throw toInUse(data);
    await delay(POLL_MS, undefined, { signal });
  }
}

/**
 * Removes what says that a server runs: its pid may be another process's by now, or a zombie's, and the
 * file may be cut off; PostgreSQL refuses to start for each. Whoever calls knows that none runs.
 */
export async function clearDataFolder(dataFolder: string): Promise<void> {
  for (const name of ['postmaster.pid', SOCKET_NAME, `${SOCKET_NAME}.lock`]) {
    await rm(join(dataFolder, name), { force: true });
  }
}

/** Ends the servers of a data folder and what is left of them; returns their pids. */
export async function endServersOf(dataFolder: string): Promise<readonly number[]> {
  return endProcesses({
    list: () => listPostgresOf(dataFolder),
    leader: (await readPidFile(dataFolder))?.pid,
  });
}

function listIn(folder: string, name: string): readonly number[] {
  return listPostgresOf(join(folder, name, 'data'));
}

/** A server without our lock, in another container, still listens at the socket in its folder. */
async function assertUnused(dataFolder: string): Promise<void> {
  const path = join(dataFolder, SOCKET_NAME);
  if (isSocketPath(path) && (await answers(path))) throw toInUse(dataFolder);
}

async function answers(path: string): Promise<boolean> {
  const socket = createConnection({ path, timeout: PROBE_MS });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once('connect', () => resolve(true));
      socket.once('timeout', () => resolve(true));
      socket.once('error', (error) => {
        // EAGAIN: it listens, and does not get to accept.
        if (isSystemError(error, 'EAGAIN')) resolve(true);
        else if (isSystemError(error, ...NOBODY)) resolve(false);
        else reject(error);
      });
    });
  } finally {
    socket.destroy();
  }
}

function toInUse(dataFolder: string): DrawbridgeError {
  return new DrawbridgeError(
    'store/start_failed',
    `A PostgreSQL that cannot be seen from here, as in another container, works in ${dataFolder}. A second one would destroy the data, so none is started. Stop the bridge or container that has it, or give this bridge a home of its own with DRAWBRIDGE_HOME.`,
  );
}
