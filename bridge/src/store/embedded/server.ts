// The PostgreSQL that a bridge brings along: one cluster in the folder `postgres` of a home, running as
// long as the bridge. When it dies alone it is started again, with growing pauses while it can't be.
// Whoever creates it holds the lock of the home.
import { once } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { findAccount } from './account.ts';
import { findBinaries } from './binaries.ts';
import { USER, ensureCluster } from './cluster.ts';
import { createLauncher } from './launch.ts';
import { type Postmaster, endOrphan, startPostmaster } from './postmaster.ts';

const LONGEST_PAUSE_MS = 5_000;

/** What differs from PostgreSQL's defaults: a small neighbour of the bridge, safe on every file system. */
const SETTINGS = {
  shared_buffers: '32MB',
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
  close(): Promise<void>;
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
  const cluster = await ensureCluster({ folder, initdb, launcher, fsync });
  const dataFolder = await realpath(cluster.dataFolder);
  const orphan = await endOrphan(dataFolder);
  if (orphan !== undefined)
    logger.info({ pid: orphan }, 'ended a database that outlived its bridge');

  const closing = new AbortController();
  const settings = { ...SETTINGS, fsync: fsync ? 'on' : 'off' };
  const start = (signal: AbortSignal | undefined) =>
    startPostmaster({ postgres, launcher, dataFolder, settings, signal });
  let current: Postmaster | undefined = await start(signal);
  const { host, port } = current;

  const restart = async (): Promise<void> => {
    for (
      let pauseMs = 50;
      !closing.signal.aborted;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        await endOrphan(dataFolder);
        current = await start(closing.signal);
        logger.info({ pid: current.pid }, 'the database runs again');
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        logger.error({ err: error }, 'the database could not be started again');
        await delay(pauseMs, undefined, { signal: closing.signal }).catch(noticeAbort);
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (current !== undefined && !closing.signal.aborted) {
      const [code, by] = await once(current.process, 'exit');
      current = undefined;
      if (closing.signal.aborted) return;
      logger.error({ code, signal: by }, 'the database ended by itself');
      await restart();
    }
  };
  const watching = watch();
  let closed: Promise<void> | undefined;

  return {
    url: toUrl(cluster.password, host, port),
    pid: () => current?.pid,
    close: () =>
      (closed ??= (async () => {
        closing.abort();
        await current?.stop();
        await watching;
      })()),
  };
}

function noticeAbort(): void {
  // The loop that waits reads the signal itself.
}

function toUrl(password: string, host: string, port: number): string {
  return `postgres://${USER}:${password}@${encodeURIComponent(host)}:${port}/postgres`;
}
