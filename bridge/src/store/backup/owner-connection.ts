// A connection to a home's database as its owner, for commands that work on the whole of it. They go
// to the database and not through the bridge: whoever can read the home owns the database anyway, a
// backup takes nothing of the bridge's time, and it works while the bridge is stopped or stuck.
import { Client } from 'pg';
import type { Logger } from 'pino';
import { DrawbridgeError } from '../../errors.ts';
import { createLifetime } from '../../lifetime.ts';
import { createEmbeddedServer } from '../embedded/server.ts';
import { findDataFolder, findRunningServer } from '../embedded/running-server.ts';
import { lockHome, readRunningBridge } from '../home-lock.ts';
import { explainDatabaseError } from '../database-errors.ts';

export interface OwnerConnectionOptions {
  readonly home: string;
  /** The database, when it is not the home's own. */
  readonly databaseUrl: string | undefined;
  /** Refuse while a bridge runs in the home, keep one from starting, and make what is missing. */
  readonly exclusive: boolean;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

export interface OwnerConnection {
  readonly client: Client;
  /** Also stops a database that was started for this. */
  close(): Promise<void>;
}

export async function connectAsOwner(options: OwnerConnectionOptions): Promise<OwnerConnection> {
  const lifetime = createLifetime();
  try {
    const client = new Client({
      connectionString: await findDatabase(options, lifetime.defer),
      application_name: 'drawbridge backup',
    });
    // Errors between queries reach whoever sends the next one.
    client.on('error', () => undefined);
    await client.connect().catch((error: unknown) => {
      const message = `The database cannot be reached: ${explainDatabaseError(error)}`;
      throw new DrawbridgeError('store/unavailable', message, { cause: error });
    });
    lifetime.defer(() => client.end());
    return { client, close: lifetime.close };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

async function findDatabase(
  { home, databaseUrl, exclusive, logger, signal }: OwnerConnectionOptions,
  defer: (close: () => void | Promise<void>) => void,
): Promise<string> {
  if (!exclusive) {
    if (databaseUrl !== undefined) return databaseUrl;
    if (readRunningBridge(home) !== undefined) return findDatabaseOfBridge(home);
    if ((await findDataFolder(home)) === undefined) {
      throw new DrawbridgeError(
        'request/not_found',
        `${home} has no database. Go to the folder the bridge was started in, give --home, or set DATABASE_URL.`,
      );
    }
  }
  const lock = await lockHome(home);
  defer(lock.release);
  if (databaseUrl !== undefined) return databaseUrl;
  const server = await createEmbeddedServer({ home, logger, signal });
  defer(server.close);
  return server.url;
}

async function findDatabaseOfBridge(home: string): Promise<string> {
  const url = await findRunningServer(home);
  if (url !== undefined) return url;
  throw new DrawbridgeError(
    'store/unavailable',
    `The bridge that runs in ${home} keeps its log elsewhere, or its database is just starting. Set DATABASE_URL as it was set for the bridge, or try again.`,
  );
}
