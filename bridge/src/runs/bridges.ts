// The bridges that share a log. Each beats a heart in its row; one that stopped, or whose process is
// known to be gone, is taken for dead: its row is closed first, which fences it off (store/run-log.ts),
// and then a survivor or the next start writes the ends that it cannot write any more. A bridge that finds
// its row closed goes on under another id, so that what it left has one who ends it, and no other.
import type { Logger } from 'pino';
import { INTERNAL_ERROR, hasCode } from '../errors.ts';
import { isAlive as isProcessAlive } from '../processes/process-facts.ts';
import type { RunUpkeep } from '../store/run-upkeep.ts';
import { isRefused } from './log-errors.ts';
import type { RunLog } from './run-log.ts';

export interface Bridges {
  /** This bridge's, until others take it for dead. */
  id(): string;
  /** Whether other bridges are alive, as of the last beat. */
  hasPeers(): boolean;
  /** Writes the ends of what dead bridges left open; returns how many calls and runs those were. */
  endRunsOfDeadBridges(): Promise<{ readonly calls: number; readonly runs: number }>;
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

export interface BridgeIdentity {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
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
  let peers = 0;
  /** Since when, by the monotonic clock, this bridge has beaten without a break. */
  let steadySince = performance.now();
  let beatenAt = steadySince;
  let isBeating = false;
  let sweeping: Promise<{ calls: number; runs: number }> | undefined;
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

  const sweep = async (trustsHeartbeats: boolean): Promise<{ calls: number; runs: number }> => {
    const others = await upkeep.others(self.id, staleSeconds);
    const dead = others.filter(
      ({ pid, host, isEnded, isStale }) =>
        isAlone ||
        isEnded ||
        (isStale && trustsHeartbeats) ||
        (host === self.host && (pid === self.pid || !isAlive(pid))),
    );
    const total = { calls: 0, runs: 0 };
    for (const id of await upkeep.claim(
      self.id,
      dead.map((bridge) => bridge.id),
    )) {
      try {
        const ended = await endWhatIsLeft(id);
        total.calls += ended.calls;
        total.runs += ended.runs;
        logger.info({ bridge: id, ...ended }, 'ended what a dead bridge left open');
      } catch (error) {
        logger.error(
          { err: error, bridge: id },
          'what a dead bridge left open could not be ended; it is tried again',
        );
      }
    }
    return total;
  };

  /** Ends as many as can be; what the next sweep would meet again the same way is left as it is. */
  const endEach = async (ends: readonly Promise<unknown>[]): Promise<number> => {
    const settled = await Promise.allSettled(ends);
    const failed = settled.filter((end) => end.status === 'rejected');
    const passing = failed.find(({ reason }) => !isFinal(reason));
    if (passing !== undefined) throw passing.reason;
    if (failed.length > 0) {
      logger.error({ err: failed[0]?.reason, count: failed.length }, 'some could not be ended');
    }
    return settled.length - failed.length;
  };

  const endWhatIsLeft = async (bridgeId: string): Promise<{ calls: number; runs: number }> => {
    // What an earlier sweep wrote and was not answered is there by now, or will never be.
    await log.settle();
    const calls = await upkeep.openCalls(bridgeId);
    const endedCalls = await endEach(
      calls.map(({ runId, callId }) =>
        log.append(runId, {
          type: 'call.failed',
          payload: {
            callId,
            outcome: 'unknown',
            error: {
              code: INTERNAL_ERROR,
              message: 'The bridge died while this call was under way.',
            },
          },
        }),
      ),
    );
    // A legacy session is not in here: its id is known to every bridge, so the client goes on with it
    // on another or a restarted one, and its run goes on with it. Only its open calls were lost.
    const runs = await upkeep.orphanedRuns(bridgeId);
    const failed = new Set(calls.map(({ runId }) => runId));
    const endedRuns = await endEach(
      runs.map((runId) =>
        failed.has(runId)
          ? log.end(runId, 'failed', 'the bridge died while a call was under way')
          : log.end(runId, 'completed', 'the bridge died'),
      ),
    );
    await upkeep.swept(bridgeId);
    return { calls: endedCalls, runs: endedRuns };
  };

  const endRunsOfDeadBridges = (
    trustsHeartbeats = true,
  ): Promise<{ calls: number; runs: number }> => {
    sweeping ??= sweep(trustsHeartbeats).finally(() => (sweeping = undefined));
    return sweeping;
  };

  const timer = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    turn = beat()
      .then(async () => {
        await endRunsOfDeadBridges(canTellOthers());
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'a heartbeat failed'))
      .finally(() => (isBeating = false));
  }, beatMs);
  timer.unref();

  return {
    id: () => self.id,
    hasPeers: () => peers > 0,
    endRunsOfDeadBridges: () => endRunsOfDeadBridges(),
    async close() {
      clearInterval(timer);
      await turn;
      await upkeep.retire(self.id, log.owes());
    },
  };
}

/** The run is gone, or the database refuses the event. */
function isFinal(error: unknown): boolean {
  return hasCode(error, 'run/unknown') || isRefused(error);
}
