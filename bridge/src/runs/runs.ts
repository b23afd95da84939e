// The log of one bridge as a whole: its row among the bridges, the writer, the readers, and what
// keeps the log in order. Opening it ends what dead bridges left open.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { v7 as createId } from 'uuid';
import type { HeldBytes } from '../flow/held-bytes.ts';
import { type Lifetime, withLifetime } from '../lifetime.ts';
import { createRunLogBodies } from '../store/run-log-bodies.ts';
import { createRunLogStore } from '../store/run-log.ts';
import { createRunQueries } from '../store/run-queries.ts';
import { createRunUpkeep } from '../store/run-upkeep.ts';
import type { Store } from '../store/store.ts';
import { createBridges } from './bridges.ts';
import { type StreamRuns, createStreamRuns } from './stream-runs.ts';
import type { PrepareBody } from './large-bodies.ts';
import { type LiveRuns, createLiveRuns } from './live.ts';
import { createCommitNotifications } from './commit-notifications.ts';
import { type RunReader, createRunReader } from './reader.ts';
import type { Redact } from '../secrets/redaction.ts';
import { type Retention, type RetentionLimits, createRetention } from './retention.ts';
import type { RunLog } from './run-log.ts';
import { createRunLog } from './writer.ts';

export interface Runs {
  readonly log: RunLog;
  readonly reader: RunReader;
  readonly live: LiveRuns;
  readonly streamRuns: StreamRuns;
  readonly retention: Pick<Retention, 'plan' | 'run'>;
  /** This bridge's id among those that share the log. */
  bridgeId(): string;
  /** Ends the run of a session that is over, with the last of its calls. */
  endSession(runId: string): Promise<void>;
  /** Calls the listener when this bridge was taken for dead, and others end its runs; it goes on anew. */
  onRenewal(listener: () => void): void;
  /**
   * Ends the runs of stateless callers, writes what waits, and marks this bridge as ended.
   * @param withinMs how long that may take, in milliseconds
   */
  close(withinMs?: number): Promise<void>;
}

export interface RunsOptions {
  readonly store: Store;
  readonly bridgeId: string;
  readonly version: string;
  readonly logger: Logger;
  readonly redact: Redact;
  readonly retention: () => RetentionLimits;
  /** Redacts and hashes a large text beside the event loop. */
  readonly prepare?: PrepareBody;
  /** Counts large bodies that wait to be committed. */
  readonly held?: HeldBytes;
  readonly onCommit?: (commit: { readonly events: number; readonly seconds: number }) => void;
}

const IDLE_INTERVAL_MS = 60_000;

export function createRuns(options: RunsOptions): Promise<Runs> {
  return withLifetime((lifetime) => open(options, lifetime));
}

async function open(
  { store, bridgeId, version, logger, redact, retention, prepare, held, onCommit }: RunsOptions,
  lifetime: Lifetime,
): Promise<Runs> {
  const queries = createRunQueries(store.db);
  const upkeep = createRunUpkeep(store.db);
  const self = { id: bridgeId, pid: process.pid, host: hostname() };
  await upkeep.register({ ...self, version });
  const openLog = (id: string) => createRunLogStore({ bridgeId: id, connect: store.connect });

  const log = createRunLog({
    store: openLog(bridgeId),
    bridgeId,
    findOpen: upkeep.findOpen,
    logger,
    redact,
    bodies: createRunLogBodies({ connect: store.connect }),
    ...(prepare !== undefined && { prepare }),
    ...(held !== undefined && { held }),
    ...(onCommit !== undefined && { onBatch: onCommit }),
  });
  lifetime.defer(log.close);

  const renewals = new Set<() => void>();
  const streamRuns = createStreamRuns({ log, queries, upkeep, bridgeId, logger });
  const bridges = createBridges({
    upkeep,
    log,
    logger,
    self,
    isAlone: store.info.kind === 'embedded',
    async onTakenForDead() {
      const id = createId();
      await upkeep.register({ ...self, id, version });
      log.renew({ bridgeId: id, store: openLog(id) });
      streamRuns.renew(id);
      for (const listener of renewals) listener();
      return id;
    },
  });
  lifetime.defer(async () => {
    await log.flush();
    await bridges.close();
  });
  lifetime.defer(streamRuns.close);
  // What cannot be ended now does not keep the bridge from starting: each heartbeat tries again.
  await bridges
    .endRunsOfDeadBridges()
    .catch((error: unknown) =>
      logger.error({ err: error }, 'what dead bridges left open could not be ended'),
    );

  const reader = createRunReader(queries);
  const notifications = await createCommitNotifications({
    log,
    bridgeId,
    logger,
    listen: store.listen,
    notify: upkeep.notify,
    hasPeers: bridges.hasPeers,
  });
  lifetime.defer(notifications.close);

  /** A call of it that another bridge carries ends first. */
  const isBusyElsewhere = async (id: string): Promise<boolean> =>
    bridges.hasPeers() && (await upkeep.hasOpenCall(id));
  const endSession = async (id: string): Promise<void> => {
    if (!(await isBusyElsewhere(id))) await log.end(id, 'completed');
  };
  /** Those whose end was not written when their session ended. */
  const endSessions = async (): Promise<void> => {
    for (const id of await upkeep.runsOfEndedSessions()) await endSession(id);
  };
  const idle = setInterval(() => {
    Promise.all([streamRuns.endIdle(), endSessions()]).catch((error: unknown) =>
      logger.warn({ err: error }, 'idle runs could not be ended'),
    );
  }, IDLE_INTERVAL_MS);
  idle.unref();
  lifetime.defer(() => clearInterval(idle));

  const keeper = createRetention({
    upkeep,
    logger,
    limits: retention,
    dropEventsBefore: store.dropEventsBefore,
  });
  lifetime.defer(keeper.close);
  keeper
    .run()
    .catch((error: unknown) => logger.error({ err: error }, 'old runs could not be removed'));

  return {
    log,
    reader,
    live: createLiveRuns({ reader, notifications }),
    streamRuns,
    retention: keeper,
    bridgeId: bridges.id,
    endSession,
    onRenewal: (listener) => void renewals.add(listener),
    close: lifetime.close,
  };
}
