// Reaches the server of a home from another process of the same person: where it listens stands in
// PostgreSQL's own `postmaster.pid`, and the password in the home.
import { readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSystemError } from '../../errors.ts';
import { isAlive } from '../../processes/process-facts.ts';
import { toServerUrl } from './address.ts';
import { readPidFile } from './pid-file.ts';

/**
 * The connection URL of the superuser, for whoever knows that a bridge runs in the home; undefined when no
 * server of this home takes connections.
 */
export async function findRunningServer(home: string): Promise<string | undefined> {
  const folder = join(home, 'postgres');
  const dataFolder = await findDataFolder(home);
  const held = dataFolder === undefined ? undefined : await readPidFile(dataFolder);
  if (dataFolder === undefined || held === undefined) return undefined;
  if (held.state !== 'ready' || !isAlive(held.pid)) return undefined;
  const { socketFolder, listenAddress, port } = held;
  const host = socketFolder === '' ? listenAddress : resolve(dataFolder, socketFolder);
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim();
  return toServerUrl({ host, port, password });
}

/** The data folder of a home, links resolved; undefined when the home has no database. */
export async function findDataFolder(home: string): Promise<string | undefined> {
  try {
    return await realpath(join(home, 'postgres', 'data'));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
