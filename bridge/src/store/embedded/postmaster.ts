// One run of the PostgreSQL server process over a cluster: start, wait until it takes connections, end.
// `postmaster.pid` is where PostgreSQL itself tells its pid, socket folder, port and state (manual,
// "Database Physical Storage"); nothing is guessed from its log but the reason of a failure.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DrawbridgeError } from '../../errors.ts';
import { isAlive, isPostgresOf, isSystemError } from '../process-identity.ts';
import { explainFailure } from './failure.ts';
import type { Launcher } from './launch.ts';

/** sockaddr_un has 108 bytes on Linux, 104 on macOS, and PostgreSQL adds `/.s.PGSQL.5432`. */
const LONGEST_SOCKET_FOLDER = 103 - '/.s.PGSQL.5432'.length;
const SOCKET_PORT = 5432;
const POLL_MS = 5;
const LOG_LIMIT_BYTES = 5_000_000;

export interface Postmaster {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The socket's folder, or an address on Windows, where Node knows no such sockets. */
  readonly host: string;
  readonly port: number;
  /** Rolls open transactions back and writes everything to disk; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface PostmasterOptions {
  readonly postgres: string;
  readonly launcher: Launcher;
  readonly dataFolder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when it takes connections. Rejects with `store/start_failed`. */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { postgres, launcher, dataFolder, signal } = options;
  signal?.throwIfAborted();
  const address = await prepareAddress(dataFolder, launcher);
  const log = await openLog(join(dirname(dataFolder), 'postgres.log'));
  const settings = { ...options.settings, ...address.settings };
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
  const exited = once(child, 'exit').catch((cause: unknown) => {
    throw new DrawbridgeError('store/start_failed', `${postgres} could not be run.`, { cause });
  });
  try {
    await Promise.race([exited, waitUntilReady({ child, dataFolder, signal })]);
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new DrawbridgeError(
        'store/start_failed',
        `The database did not start. ${explainFailure(await log.readNew(), dataFolder)}`,
      );
    }
  } catch (error) {
    child.kill('SIGINT');
    await address.remove();
    throw error;
  } finally {
    await log.close();
  }
  const { pid } = child;
  return {
    process: child,
    pid,
    host: address.host,
    port: address.port,
    async stop() {
      if (isAlive(pid)) await endProcess(pid);
      await exited;
      await address.remove();
    },
  };
}

/** Ends a server of this cluster that outlived its bridge, and clears what a dead one left. */
export async function endOrphan(dataFolder: string): Promise<number | undefined> {
  const held = await readPidFile(dataFolder);
  if (held === undefined) return undefined;
  const isOrphan = isPostgresOf(held.pid, dataFolder);
  if (isOrphan) await endProcess(held.pid);
  // Another process may have the number by now, and PostgreSQL would take that for a running server.
  else if (isAlive(held.pid)) await rm(join(dataFolder, 'postmaster.pid'), { force: true });
  if (isTemporary(held.socketFolder)) await rm(held.socketFolder, { recursive: true, force: true });
  return isOrphan ? held.pid : undefined;
}

/** Fast, then immediate shutdown, then SIGKILL (PostgreSQL manual, "Shutting Down the Server"). */
async function endProcess(pid: number): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (isSystemError(error, 'ESRCH')) return;
      throw error;
    }
    for (let waited = 0; waited < patienceMs; waited += POLL_MS) {
      if (!isAlive(pid)) return;
      await delay(POLL_MS);
    }
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

interface PidFile {
  readonly pid: number;
  readonly socketFolder: string;
  readonly state: string;
}

async function readPidFile(dataFolder: string): Promise<PidFile | undefined> {
  try {
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return { pid, socketFolder: lines[4]?.trim() ?? '', state: lines[7]?.trim() ?? '' };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

const SOCKET_PREFIX = join(tmpdir(), 'drawbridge-');

function isTemporary(folder: string): boolean {
  return folder.startsWith(SOCKET_PREFIX);
}

/** A socket in the data folder; in the temporary folder when that path is too long for a socket. */
async function prepareAddress(dataFolder: string, launcher: Launcher): Promise<Address> {
  if (process.platform === 'win32') return prepareTcpAddress();
  const settings = { listen_addresses: '', port: String(SOCKET_PORT) };
  if (Buffer.byteLength(dataFolder) <= LONGEST_SOCKET_FOLDER) {
    return {
      host: dataFolder,
      port: SOCKET_PORT,
      settings: { ...settings, unix_socket_directories: '.' },
      remove: () => Promise.resolve(),
    };
  }
  const folder = await mkdtemp(SOCKET_PREFIX);
  if (launcher.account !== undefined) {
    await chown(folder, launcher.account.uid, launcher.account.gid);
  }
  return {
    host: folder,
    port: SOCKET_PORT,
    settings: { ...settings, unix_socket_directories: folder },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function prepareTcpAddress(): Promise<Address> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : SOCKET_PORT;
  await new Promise((resolve) => server.close(resolve));
  return {
    host: '127.0.0.1',
    port,
    settings: { listen_addresses: '127.0.0.1', port: String(port) },
    remove: () => Promise.resolve(),
  };
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
  const file = await open(path, isLarge ? 'w+' : 'a+', 0o600);
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
