// One run of the PostgreSQL server process over a cluster: start, wait until it takes connections, end.
// `postmaster.pid` is where PostgreSQL itself tells its pid, socket folder, port and state (manual,
// "Database Physical Storage"); nothing is guessed from its log but the reason of a failure.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DrawbridgeError, isSystemError, toMessage } from '../../errors.ts';
import { isAlive, isPostgresOf, readChildren } from '../process-identity.ts';
import { removeTemporary } from './address.ts';
import { explainFailure } from './failure.ts';
import type { Launcher } from './launch.ts';

const POLL_MS = 5;
const LOG_LIMIT_BYTES = 5_000_000;
const LOG_CHECK_MS = 60_000;
const LONGEST_STOP_MS = 30_000;

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
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when it takes connections. Rejects with `store/start_failed`. */
export async function startPostmaster({
  postgres,
  launcher,
  dataFolder,
  settings,
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
  });
  const exited = once(child, 'exit').then(
    ([code, by]) => (by === null ? `exit code ${code}` : String(by)),
    (error: unknown) => `${postgres} cannot be run: ${toMessage(error)}`,
  );
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
    return {
      pid,
      exited,
      async stop(withinMs) {
        if (isAlive(pid)) await endProcess(pid, withinMs);
        await exited;
      },
    };
  } catch (error) {
    child.kill('SIGINT');
    await exited;
    throw error;
  } finally {
    await log.close();
  }
}

/** Ends a server of this cluster that outlived its bridge, and clears what a dead one left. */
export async function endOrphan(dataFolder: string): Promise<number | undefined> {
  const held = await readPidFile(dataFolder);
  if (held === undefined) return undefined;
  const isOrphan = isPostgresOf(held.pid, dataFolder);
  if (isOrphan) await endProcess(held.pid);
  // Another process may have the number by now, and PostgreSQL would take that for a running server.
  else if (isAlive(held.pid)) await rm(join(dataFolder, 'postmaster.pid'), { force: true });
  await removeTemporary(held.socketFolder);
  return isOrphan ? held.pid : undefined;
}

/**
 * Fast, then immediate shutdown, then SIGKILL (PostgreSQL manual, "Shutting Down the Server"). Each of
 * the last two has a tenth of the time at most: frozen processes take no other signal than the last.
 */
async function endProcess(pid: number, withinMs = LONGEST_STOP_MS): Promise<void> {
  const allMs = Math.min(withinMs, LONGEST_STOP_MS);
  const harshMs = allMs / 10;
  for (const [signal, patienceMs] of [
    ['SIGINT', allMs - 3 * harshMs],
    ['SIGQUIT', harshMs],
    ['SIGKILL', harshMs],
  ] as const) {
    // Its children would notice the death of the server, but not while they are frozen as well.
    const killed = signal === 'SIGKILL' ? [pid, ...readChildren(pid)] : [pid];
    for (const each of killed) sendSignal(each, signal);
    const until = performance.now() + patienceMs;
    while (performance.now() < until) {
      if (!isAlive(pid)) return;
      await delay(POLL_MS);
    }
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
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

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  /** As PostgreSQL was told: it may count from the data folder. Empty where it has none. */
  readonly socketFolder: string;
  readonly listenAddress: string;
  readonly state: string;
}

export async function readPidFile(dataFolder: string): Promise<PidFile | undefined> {
  try {
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return {
      pid,
      port: Number(lines[3]),
      socketFolder: lines[4]?.trim() ?? '',
      listenAddress: lines[5]?.trim() ?? '',
      state: lines[7]?.trim() ?? '',
    };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
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
