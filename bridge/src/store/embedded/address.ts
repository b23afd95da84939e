// Where the server that we bring along is reached: a socket in its closed data folder, nothing on the
// network. Chosen once for a bridge's life, so that a restarted server is found at the same place.
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { USER } from './cluster.ts';

/** sockaddr_un(7) holds 108 bytes on Linux and 104 on macOS, one of them for the end. */
const LONGEST_FOLDER = 103 - '/.s.PGSQL.5432'.length;
const SOCKET_PORT = 5432;
const TEMPORARY = join(tmpdir(), 'drawbridge-socket-');

export interface Address {
  /** The socket's folder, or an IP address on Windows, where Node knows no such sockets. */
  readonly host: string;
  readonly port: number;
  /** What PostgreSQL must be told. */
  readonly settings: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

export async function createAddress(
  dataFolder: string,
  account: Account | undefined,
): Promise<Address> {
  if (process.platform === 'win32') return createTcpAddress();
  if (Buffer.byteLength(dataFolder) <= LONGEST_FOLDER) {
    return toSocketAddress(dataFolder, '.', () => Promise.resolve());
  }
  const folder = await mkdtemp(TEMPORARY);
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return toSocketAddress(folder, folder, () => removeTemporary(folder));
}

/** The connection URL of the superuser. */
export function toServerUrl(server: { host: string; port: number; password: string }): string {
  const { host, port, password } = server;
  return `postgres://${USER}:${password}@${encodeURIComponent(host)}:${port}/postgres`;
}

/** Removes a socket folder that a bridge made outside its home and could not remove itself. */
export async function removeTemporary(folder: string): Promise<void> {
  if (folder.startsWith(TEMPORARY)) await rm(folder, { recursive: true, force: true });
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
