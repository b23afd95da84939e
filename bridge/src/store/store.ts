// The way to the database. Only this folder knows `pg`. Everything works under a role that cannot change
// the log; the owner's rights are used to migrate and to make and drop partitions, each time on a
// connection of its own that is closed afterwards.
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { EventEmitter } from 'node:events';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig, type Pool, type QueryConfig, type QueryResult } from 'pg';
import type { Logger } from 'pino';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { type Lifetime, withLifetime } from '../lifetime.ts';
import { createEmbeddedServer } from './embedded/server.ts';
import { type NotificationHandler, createNotifications } from './notifications.ts';
import {
  DISK_FULL,
  explainDatabaseError,
  explainToCallers,
  toStoreError,
} from './database-errors.ts';
import { dropPartitionsBefore, ensurePartitions } from './partitions.ts';
import { RetryingPool } from './retrying-pool.ts';
import { watchPool } from './pool-watch.ts';
import { prepareDatabase } from './prepare.ts';
import { isRefusal, toSqlState } from './sql-state.ts';
import { createTransaction } from './transactions.ts';

const POOL_SIZE = 8;
const PARTITIONS_INTERVAL_MS = 6 * 3_600_000;
const HEALTH_MS = 2_000;
/** A segment of the write-ahead log. With less a commit may fail at any time. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;
/** What the embedded server keeps of the time for closing, however long the connections take. */
const SERVER_STOP_MS = 1_800;

export type Database = NodePgDatabase;

export interface Health {
  readonly ok: boolean;
  /** One sentence for a person. */
  readonly detail: string;
}

export interface Store {
  readonly info: {
    readonly kind: 'embedded' | 'external';
    /** PostgreSQL's, such as `18.4`. */
    readonly version: string;
    /** The role worked under; undefined where the database did not let us make one. */
    readonly role: string | undefined;
  };
  /** Queries wait up to 5 s for a database that is away, then fail with `store/unavailable` as a cause. */
  readonly db: Database;
  /** A connection of its own for whoever keeps it; rejects at once while the database is away. */
  connect(): Promise<Client>;
  /** See Notifications: undefined as payload means that some may have been missed. */
  listen(channel: string, handler: NotificationHandler): Promise<() => Promise<void>>;
  /** Drops the days of events that ended before `date`; returns the names of the partitions. */
  dropEventsBefore(date: Date): Promise<readonly string[]>;
  health(): Promise<Health>;
  onDown(listener: (error: Error) => void): () => void;
  onUp(listener: () => void): () => void;
  /** @param withinMs how long that may take, in milliseconds */
  close(withinMs?: number): Promise<void>;
}

export interface OpenStoreOptions {
  /** The caller holds its lock (home-lock.ts). */
  readonly home: string;
  /** Another PostgreSQL in place of the one that ships. */
  readonly databaseUrl?: string;
  readonly logger: Logger;
  /** The bridge's own, shown to the database as part of `application_name`. */
  readonly version: string;
  readonly signal?: AbortSignal;
  /** How long a query waits for a database that is away, and the start for an external one. */
  readonly timeoutMs?: number;
  readonly now?: () => Date;
}

/** Starts or reaches the database and makes it ready. Rejects with `store/start_failed`. */
export function openStore(options: OpenStoreOptions): Promise<Store> {
  return withLifetime((lifetime) => open(options, lifetime));
}

async function open(
  {
    home,
    databaseUrl,
    logger,
    version,
    signal,
    timeoutMs = 5_000,
    now = () => new Date(),
  }: OpenStoreOptions,
  lifetime: Lifetime,
): Promise<Store> {
  const events = new EventEmitter();
  const server =
    databaseUrl === undefined ? await createEmbeddedServer({ home, logger, signal }) : undefined;
  if (server !== undefined) lifetime.defer((leftMs) => server.close(leftMs), SERVER_STOP_MS);
  const explain = (error: unknown): string => server?.trouble() ?? explainToCallers(error);
  const config: ClientConfig = {
    connectionString: server?.url ?? databaseUrl,
    application_name: `drawbridge/${version}`,
    keepAlive: true,
    // A frozen server takes connections and never answers.
    connectionTimeoutMillis: timeoutMs,
  };

  const asOwner = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = await openClient(config);
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const loginHint =
    server &&
    `${join(home, 'postgres', 'password')} is not the password of this database: remove it, and the next start gives the database a new one.`;
  await waitForDatabase({ config, timeoutMs: timeoutMs * 3, loginHint, logger, signal });
  const { version: postgres, role } = await asOwner(async (client) => {
    const prepared = await prepareDatabase(client, logger);
    await ensurePartitions(client, now());
    return prepared;
  });

  const takeRole = async (client: { query(sql: string): Promise<unknown> }): Promise<void> => {
    if (role !== undefined) await client.query(`set role ${role}`);
  };
  const connect = async (): Promise<Client> => {
    try {
      const client = await openClient(config);
      try {
        await takeRole(client);
      } catch (error) {
        // A polite end could wait for a server that no longer answers.
        client.connection.stream.destroy();
        throw error;
      }
      return client;
    } catch (error) {
      // What the server itself refuses keeps its code; the rest is an outage, to be tried again.
      if (isRefusal(error)) throw error;
      throw new Error(explain(error), { cause: error });
    }
  };
  const pool = new RetryingPool(
    { ...config, max: POOL_SIZE, onConnect: takeRole },
    { ms: timeoutMs, explain },
  );
  pool.on('error', (error) => logger.debug({ err: error }, 'an idle database connection was lost'));
  // A connection in use has no listener of the pool, and a lost one fails more than once (EPIPE after
  // its end): its query gets the first error, and a second one would end the bridge.
  pool.on('connect', (client) => client.on('error', () => undefined));
  lifetime.defer(() => pool.end());
  const probe = async (): Promise<void> => {
    try {
      await tryConnection(config);
    } catch (error) {
      // Whatever it refuses, it answers.
      if (!isRefusal(error)) throw error;
    }
  };
  const watch = watchPool(pool, { timeoutMs, probe, logger });
  lifetime.defer(watch.close);
  const db = createDatabase(pool, explain);

  const notifications = await createNotifications({
    connect,
    onDown(error) {
      logger.error(`The database is away: ${explainDatabaseError(error)}`);
      events.emit('down', error);
    },
    onUp() {
      logger.info('The database is back.');
      events.emit('up');
    },
  });
  lifetime.defer(notifications.close);

  const partitions = setInterval(() => {
    asOwner((client) => ensurePartitions(client, now())).catch((error: unknown) =>
      logger.error({ err: error }, 'partitions of the log could not be made'),
    );
  }, PARTITIONS_INTERVAL_MS);
  partitions.unref();
  lifetime.defer(() => clearInterval(partitions));

  return {
    info: { kind: databaseUrl === undefined ? 'embedded' : 'external', version: postgres, role },
    db,
    connect,
    listen: notifications.listen,
    dropEventsBefore: (date) => asOwner((client) => dropPartitionsBefore(client, date)),
    health: async () => {
      try {
        await tryConnection(config);
        const isFull = databaseUrl === undefined && (await freeBytes(home)) < LEAST_FREE_BYTES;
        return isFull
          ? { ok: false, detail: DISK_FULL }
          : { ok: true, detail: `PostgreSQL ${postgres}` };
      } catch (error) {
        return { ok: false, detail: explain(error) };
      }
    },
    onDown: (listener) => subscribe(events, 'down', listener),
    onUp: (listener) => subscribe(events, 'up', listener),
    close: lifetime.close,
  };
}

/** Errors of a database that is away are `store/unavailable`, whatever the driver calls them. */
function createDatabase(pool: Pool, explain: (error: unknown) => string): Database {
  const query = async (statement: QueryConfig, values?: unknown[]): Promise<QueryResult> => {
    try {
      return await pool.query(statement, values);
    } catch (error) {
      throw toStoreError(error, explain);
    }
  };
  // Of its client drizzle asks no more, as transactions are ours.
  const client = { query } as unknown as Pool;
  return Object.assign(drizzle(client), {
    $client: pool,
    transaction: createTransaction(pool, explain),
  });
}

/** An error after the connection is made is told to who waits for a query; this keeps it from being thrown. */
async function openClient(config: ClientConfig): Promise<Client> {
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** A new connection, because an open one may be all that still works. */
async function tryConnection(config: ClientConfig): Promise<void> {
  const client = await openClient({ ...config, connectionTimeoutMillis: HEALTH_MS });
  await client.end();
}

/** Another service's database may come up after us. */
async function waitForDatabase({
  config,
  timeoutMs,
  loginHint,
  logger,
  signal,
}: {
  config: ClientConfig;
  timeoutMs: number;
  loginHint: string | undefined;
  logger: Logger;
  signal: AbortSignal | undefined;
}): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (let told = false; ; told = true) {
    try {
      return await tryConnection(config);
    } catch (error) {
      if (isRefusal(error) || performance.now() > until) {
        const hint = toSqlState(error) === '28P01' ? loginHint : undefined;
        throw new DrawbridgeError(
          'store/start_failed',
          `The database cannot be reached: ${hint ?? explainDatabaseError(error)}`,
          { cause: error },
        );
      }
      if (!told) logger.info(`waiting for the database: ${toMessage(error)}`);
      await delay(100, undefined, { signal });
    }
  }
}

function subscribe(
  events: EventEmitter,
  name: string,
  listener: (...args: never[]) => void,
): () => void {
  // What an emitter passes is what `emit` above gave it.
  const untyped = listener as (...args: unknown[]) => void;
  events.on(name, untyped);
  return () => void events.off(name, untyped);
}
