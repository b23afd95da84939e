// The PostgreSQL that a bridge brings along: one cluster in the folder `postgres` of a home, running as
// long as the bridge. When it dies alone it is started again, with growing pauses while it can't be.
// Whoever creates it holds the lock of the home.
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toMessage } from '../../errors.ts';
import { type Lifetime, withLifetime } from '../../lifetime.ts';
import { findAccount } from './account.ts';
import { createAddress, toServerUrl } from './address.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { clearDataFolder, endServersOf, takeCluster } from './former-server.ts';
import { toStartFailure } from './failure.ts';
import { createLauncher } from './launch.ts';
import { type Postmaster, startPostmaster } from './postmaster.ts';
import { fixRights } from './rights.ts';
import { chooseSharedMemory } from './shared-memory.ts';

const MAX_PAUSE_MS = 5_000;

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
export async function createEmbeddedServer(
  options: EmbeddedServerOptions,
): Promise<EmbeddedServer> {
  try {
    return await withLifetime((lifetime) => open(options, lifetime));
  } catch (error) {
    throw toStartFailure(error, join(options.home, 'postgres'));
  }
}

async function open(
  { home, logger, fsync = true, signal }: EmbeddedServerOptions,
  lifetime: Lifetime,
): Promise<EmbeddedServer> {
  await mkdir(join(home, 'postgres'), { recursive: true, mode: 0o700 });
  const folder = await realpath(join(home, 'postgres'));
  const account = await findAccount(join(folder, 'data'));
  await fixRights(join(folder, 'data'), { account, logger });
  const lock = await takeCluster({ folder, logger, signal });
  lifetime.defer(() => lock?.release());
  const launcher = createLauncher(account);
  const binaries = await findBinaries(account);
  const sharedMemory = await chooseSharedMemory(account);
  const cluster = await ensureCluster({
    folder,
    binaries,
    launcher,
    logger,
    fsync,
    sharedMemory,
    lock,
    signal,
  });
  const dataFolder = await realpath(cluster.dataFolder);
  const address = await createAddress(dataFolder, account);
  lifetime.defer(address.remove);
  const settings = {
    ...SETTINGS,
    ...address.settings,
    fsync: fsync ? 'on' : 'off',
    dynamic_shared_memory_type: sharedMemory,
  };
  const closing = new AbortController();
  const start = async (signal: AbortSignal | undefined): Promise<Postmaster> => {
    // What a server that was killed left behind may still be at work.
    await endServersOf(dataFolder);
    await clearDataFolder(dataFolder);
    return startPostmaster({
      postgres: binaries.postgres,
      launcher,
      dataFolder,
      settings,
      lock,
      signal,
    });
  };

  let current: Postmaster | undefined = await start(signal);
  let trouble: string | undefined;
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
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
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
  lifetime.defer(async (leftMs) => {
    closing.abort();
    await current?.stop(leftMs);
    await kept;
  });

  return {
    url: toServerUrl({ ...address, password: cluster.password }),
    pid: () => current?.pid,
    trouble: () => trouble,
    close: lifetime.close,
  };
}
