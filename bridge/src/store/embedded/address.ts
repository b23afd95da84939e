// Where the server that we bring along is reached: a socket in its closed data folder, nothing on the
// network. Chosen once for a bridge's life, so that a restarted server is found at the same place.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chown, lstat, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DrawbridgeError, isSystemError, toMessage } from '../../errors.ts';
import { readFolderMark } from '../../processes/process-facts.ts';
import type { Account } from './account.ts';

/** sockaddr_un(7) holds 108 bytes on Linux and 104 on macOS, one of them for the end. */
const MAX_PATH = 103;
/** The superuser. */
export const USER = 'drawbridge';
const SOCKET_PORT = 5432;
/** As PostgreSQL names it in its folder; beside it lies its lock file. */
export const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;

export interface Address {
  /** The socket's folder, or an IP address on Windows, where Node knows no such sockets. */
  readonly host: string;
  readonly port: number;
  /** What PostgreSQL must be told. */
  readonly settings: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** Whoever calls knows that no server runs on the data folder. Rejects with `store/start_failed`. */
export async function createAddress(
  dataFolder: string,
  account: Account | undefined,
): Promise<Address> {
  if (process.platform === 'win32') return createTcpAddress();
  if (isSocketPath(join(dataFolder, SOCKET_NAME))) {
    return toSocketAddress(dataFolder, '.', () => Promise.resolve());
  }
  const folder = await makeSocketFolder(dataFolder, account);
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return toSocketAddress(folder, folder, () => removeSocketFolder(folder, account));
}

/** Whether a socket can have this path. */
export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_PATH;
}

/** The connection URL of the superuser. */
export function toServerUrl(server: { host: string; port: number; password: string }): string {
  const { host, port, password } = server;
  return `postgres://${USER}:${password}@${encodeURIComponent(host)}:${port}/postgres`;
}

/**
 * A folder outside of the home, for one whose path is too long. Its name tells the data folder, which
 * nothing else is told by, not even a copy; so those that killed bridges left are known, and removed.
 */
async function makeSocketFolder(dataFolder: string, account: Account | undefined): Promise<string> {
  const mark = createHash('sha256')
    .update(`${readFolderMark(dataFolder)}`)
    .digest('hex');
  const prefix = `drawbridge-socket-${mark.slice(0, 8)}-`;
  let reason = 'their paths are too long';
  for (const place of new Set([tmpdir(), '/tmp'])) {
    if (!isSocketPath(join(place, `${prefix}XXXXXX`, SOCKET_NAME))) continue;
    try {
      for (const name of await readdir(place)) {
        if (name.startsWith(prefix)) await removeSocketFolder(join(place, name), account);
      }
      return await mkdtemp(join(place, prefix));
    } catch (error) {
      // Another place may do: this one is missing, read-only or full.
      if (!(error instanceof Error && 'code' in error)) throw error;
      reason = toMessage(error);
    }
  }
  throw new DrawbridgeError(
    'store/start_failed',
    `The path of ${dataFolder} is too long for a socket, and no folder for one can be made in ${tmpdir()} or /tmp (${reason}). Set TMPDIR to a folder with a short path that can be written, or DRAWBRIDGE_HOME to a shorter one.`,
  );
}

/** Only what PostgreSQL puts there, and only in a folder that is ours or was given to its account. */
async function removeSocketFolder(folder: string, account: Account | undefined): Promise<void> {
  try {
    const found = await lstat(folder);
    const isOurs = found.uid === process.getuid?.() || found.uid === account?.uid;
    if (!found.isDirectory() || !isOurs || (found.mode & 0o077) !== 0) return;
    for (const name of [SOCKET_NAME, `${SOCKET_NAME}.lock`]) {
      await rm(join(folder, name), { force: true });
    }
    await rmdir(folder);
  } catch (error) {
    // Somebody put something else into it: then it is theirs.
    if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EPERM', 'EACCES')) throw error;
  }
}

/** `named` is how PostgreSQL is told the folder. */
function toSocketAddress(host: string, named: string, remove: () => Promise<void>): Address {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: named,
    port: String(SOCKET_PORT),
  };
  return { host, port: SOCKET_PORT, settings, remove };
}

async function createTcpAddress(): Promise<Address> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : SOCKET_PORT;
  await new Promise((resolve) => server.close(resolve));
  return {
    host: '127.0.0.1',
    port,
    settings: { listen_addresses: '127.0.0.1', port: String(port) },
    remove: () => Promise.resolve(),
  };
}
