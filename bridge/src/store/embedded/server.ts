// The PostgreSQL that a bridge brings along: one cluster in the folder `postgres` of a home, running as
// long as the bridge. When it dies alone it is started again, with growing pauses while it can't be.
// Whoever creates it holds the lock of the home.
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toMessage } from '../../errors.ts';
import { findAccount } from './account.ts';
import { createAddress, toServerUrl } from './address.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { createLauncher } from './launch.ts';
import { type Postmaster, endOrphan, startPostmaster } from './postmaster.ts';

const LONGEST_PAUSE_MS = 5_000;

/** What differs from PostgreSQL's defaults: a small neighbour of the bridge, safe on every file system. */
const SETTINGS = {
  shared_buffers: '32MB',
  // A commit of large bodies goes out in one piece.
  wal_buffers: '4MB',
  // By default the write-ahead log of a busy day takes a gigabyte of the home.
  max_wal_size: '64MB',
  min_wal_size: '32MB',
  max_connections: '60',
  jit: 'off',
  io_method: 'sync',
  max_logical_replication_workers: '0',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export interface EmbeddedServer {
  /** A connection URL of the superuser. It stays the same over restarts. */
  readonly url: string;
  /** Undefined while it is down. */
  pid(): number | undefined;
  /** Why it could not be started again, while that is so. */
  trouble(): string | undefined;
  /** @param withinMs as for a postmaster */
  close(withinMs?: number): Promise<void>;
}

export interface EmbeddedServerOptions {
  readonly home: string;
  readonly logger: Logger;
  /** False only where the data may be lost, as in tests. */
  readonly fsync?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with `store/start_failed`. */
export async function createEmbeddedServer({
  home,
  logger,
  fsync = true,
  signal,
}: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const folder = join(home, 'postgres');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const launcher = createLauncher(await findAccount(join(folder, 'data')));
  const { initdb, postgres } = await findBinaries(launcher.account);
  const cluster = await ensureCluster({ folder, initdb, launcher, fsync, signal });
  const dataFolder = await realpath(cluster.dataFolder);
  const orphan = await endOrphan(dataFolder);
  if (orphan !== undefined)
    logger.info({ pid: orphan }, 'ended a database that outlived its bridge');

  const address = await createAddress(dataFolder, launcher.account);
  const settings = { ...SETTINGS, ...address.settings, fsync: fsync ? 'on' : 'off' };
  const closing = new AbortController();
  const start = (signal: AbortSignal | undefined) =>
    startPostmaster({ postgres, launcher, dataFolder, settings, signal });

  let current: Postmaster | undefined;
  let trouble: string | undefined;
  try {
    current = await start(signal);
  } catch (error) {
    await address.remove();
    throw error;
  }
  /** Undefined when it is closed before that succeeds. */
  const restart = async (): Promise<Postmaster | undefined> => {
    let pauseMs = 50;
    while (!closing.signal.aborted) {
      try {
        return await start(closing.signal);
      } catch (error) {
        if (closing.signal.aborted) break;
        trouble = toMessage(error);
        logger.error(`the database could not be started again: ${trouble}`);
      }
      await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined); // closing ends the loop
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    return undefined;
  };
  const keepRunning = async (first: Postmaster): Promise<void> => {
    let running: Postmaster | undefined = first;
    while (running !== undefined) {
      current = running;
      trouble = undefined;
      if (closing.signal.aborted) await running.stop();
      const how = await running.exited;
      current = undefined;
      if (closing.signal.aborted) return;
      logger.error(`the database ended by itself (${how})`);
      running = await restart();
      if (running !== undefined) logger.info({ pid: running.pid }, 'the database runs again');
    }
  };
  const kept = keepRunning(current);
  const close = async (withinMs?: number): Promise<void> => {
    closing.abort();
    await current?.stop(withinMs);
    await kept;
    await address.remove();
  };
  let closed: Promise<void> | undefined;

  return {
    url: toServerUrl({ ...address, password: cluster.password }),
    pid: () => current?.pid,
    trouble: () => trouble,
    close: (withinMs) => (closed ??= close(withinMs)),
  };
}
