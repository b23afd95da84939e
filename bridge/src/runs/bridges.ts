// The bridges that share a log. Each beats a heart in its row. One whose heart stopped, or whose process is
// known to be gone, is taken for dead, and the others end what it left open (dead-bridges.ts). A bridge that
// finds its own row closed goes on under another id, so that what it left has one who ends it, and no other.
import type { Logger } from 'pino';
import { isAlive as isProcessAlive } from '../processes/process-facts.ts';
import type { RunUpkeep } from '../store/run-upkeep.ts';
import { type BridgeIdentity, type EndedCount, createDeadBridges } from './dead-bridges.ts';
import type { RunLog } from './run-log.ts';

export interface Bridges {
  /** This bridge's, until others take it for dead. */
  id(): string;
  /** Whether other bridges are alive, as of the last beat. */
  hasPeers(): boolean;
  /** Writes the ends of what dead bridges left open; returns how many calls and runs those were. */
  endRunsOfDeadBridges(): Promise<EndedCount>;
  /** Marks this bridge as ended in order; its runs are ended by then. */
  close(): Promise<void>;
}

export interface BridgesOptions {
  readonly upkeep: RunUpkeep;
  readonly log: RunLog;
  readonly logger: Logger;
  readonly self: BridgeIdentity;
  /** No other bridge can be alive: the database is this home's own, and the home is locked. */
  readonly isAlone?: boolean;
  /** Others have taken this bridge for dead, and end its runs: registers it anew and returns its new id. */
  readonly onTakenForDead: () => Promise<string>;
  /** Whether a process of this host lives. */
  readonly isAlive?: (pid: number) => boolean;
  readonly staleSeconds?: number;
  readonly beatMs?: number;
}

const STALE_SECONDS = 30;
const BEAT_MS = 5_000;

/** The bridge's row is there already: the log writes with it. */
export function createBridges({
  upkeep,
  log,
  logger,
  self: registered,
  isAlone = false,
  onTakenForDead,
  isAlive = isProcessAlive,
  staleSeconds = STALE_SECONDS,
  beatMs = BEAT_MS,
}: BridgesOptions): Bridges {
  let self = registered;
  const deadBridges = createDeadBridges({
    upkeep,
    log,
    logger,
    self: () => self,
    isAlone,
    isAlive,
    staleSeconds,
  });
  let peers = 0;
  /** Since when, by the monotonic clock, this bridge has beaten without a break. */
  let steadySince = performance.now();
  let beatenAt = steadySince;
  let isBeating = false;
  let turn: Promise<void> = Promise.resolve();

  const beat = async (): Promise<void> => {
    const { wasEnded, peers: alive } = await upkeep.beat(self.id, staleSeconds);
    peers = alive;
    const now = performance.now();
    if (now - beatenAt > 2 * beatMs) steadySince = now;
    beatenAt = now;
    if (!wasEnded) return;
    logger.warn('This bridge gave no sign of life for too long; others end its runs.');
    self = { ...self, id: await onTakenForDead() };
  };

  /** A bridge whose own heartbeats failed cannot judge those of others: the database was away for all. */
  const canTellOthers = (): boolean => performance.now() - steadySince >= 2 * beatMs;

  const timer = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    turn = beat()
      .then(async () => {
        await deadBridges.end(canTellOthers());
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'a heartbeat failed'))
      .finally(() => (isBeating = false));
  }, beatMs);
  timer.unref();

  return {
    id: () => self.id,
    hasPeers: () => peers > 0,
    endRunsOfDeadBridges: () => deadBridges.end(true),
    async close() {
      clearInterval(timer);
      await turn;
      await upkeep.retire(self.id, log.owes());
    },
  };
}
