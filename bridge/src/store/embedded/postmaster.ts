// One run of the PostgreSQL server process over a cluster: start, wait until it takes connections, end.
// Nothing is guessed from its log but the reason of a failure.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DrawbridgeError, isSystemError, toMessage } from '../../errors.ts';
import { isAlive, readChildren } from '../../processes/process-facts.ts';
import type { FileLock } from '../file-lock.ts';
import { endProcesses } from '../../processes/end-processes.ts';
import { explainFailure } from './failure.ts';
import type { Launcher } from './launch.ts';
import { readPidFile } from './pid-file.ts';

const POLL_MS = 5;
const LOG_LIMIT_BYTES = 5_000_000;
const LOG_CHECK_MS = 60_000;

export interface Postmaster {
  readonly pid: number;
  /** Resolves with how it ended, in words. */
  readonly exited: Promise<string>;
  /**
   * Rolls open transactions back and writes everything to disk; resolves when it is gone.
   * @param withinMs when that takes longer it is killed, and its next start recovers
   */
  stop(withinMs?: number): Promise<void>;
}

export interface PostmasterOptions {
  readonly postgres: string;
  readonly launcher: Launcher;
  readonly dataFolder: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Held by the server and its children as long as they live. */
  readonly lock?: FileLock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when it takes connections. Rejects with `store/start_failed`. */
export async function startPostmaster({
  postgres,
  launcher,
  dataFolder,
  settings,
  lock,
  signal,
}: PostmasterOptions): Promise<Postmaster> {
  signal?.throwIfAborted();
  const logPath = join(dirname(dataFolder), 'postgres.log');
  const log = await openLog(logPath);
  const child = launcher.launch({
    program: postgres,
    args: [
      '-D',
      launcher.toDataArgument(dataFolder),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: dataFolder,
    output: log.fd,
    lock,
  });
  const exited = once(child, 'exit').then(
    ([code, by]) => (by === null ? `exit code ${code}` : String(by)),
    (error: unknown) => `${postgres} cannot be run: ${toMessage(error)}`,
  );
  const stop = async (withinMs?: number): Promise<void> => {
    const { pid } = child;
    if (pid !== undefined) {
      // Children that are frozen would not notice that the server is gone.
      const all = [pid, ...readChildren(pid)];
      await endProcesses({ list: () => all.filter(isAlive), leader: pid, withinMs });
    }
    await exited;
  };
  try {
    await Promise.race([exited, waitUntilReady({ child, dataFolder, signal })]);
    const { pid } = child;
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      const said = await log.readNew();
      throw new DrawbridgeError(
        'store/start_failed',
        `The database did not start (${await exited}). ${explainFailure(said, dataFolder)}`,
      );
    }
    boundLog(logPath, exited);
    return { pid, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await log.close();
  }
}

async function waitUntilReady({
  child,
  dataFolder,
  signal,
}: {
  child: ChildProcess;
  dataFolder: string;
  signal: AbortSignal | undefined;
}): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    const held = await readPidFile(dataFolder);
    if (held?.pid === child.pid && held?.state === 'ready') return;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** A server that complains without end must not fill the disk with it. */
function boundLog(path: string, exited: Promise<unknown>): void {
  const timer = setInterval(() => {
    const bound = async (): Promise<void> => {
      const { size } = await stat(path);
      if (size > LOG_LIMIT_BYTES) await truncate(path);
    };
    // A file that cannot be looked at now is looked at again in a minute.
    bound().catch(() => undefined);
  }, LOG_CHECK_MS);
  timer.unref();
  void exited.then(() => clearInterval(timer));
}

/** The server's log, begun anew when large. It is a file, because a pipe would die with the bridge. */
async function openLog(path: string) {
  const isLarge = await stat(path).then(
    ({ size }) => size > LOG_LIMIT_BYTES,
    (error: unknown) => {
      if (isSystemError(error, 'ENOENT')) return false;
      throw error;
    },
  );
  if (isLarge) await truncate(path);
  // Opened for appending, so that the server goes on writing where a truncated log begins.
  const file = await open(path, 'a+', 0o600);
  const { size: start } = await file.stat();
  return {
    fd: file.fd,
    async readNew(): Promise<string> {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(size - start),
        0,
        size - start,
        start,
      );
      return buffer.toString('utf8', 0, bytesRead);
    },
    close: () => file.close(),
  };
}
