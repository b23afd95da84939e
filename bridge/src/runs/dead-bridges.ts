// Ends what dead bridges left open: a survivor does it, or the next start. The row of a dead bridge is closed
// first, which fences it off (store/run-log.ts); then its calls and runs get the ends that it can no longer
// write.
import type { Logger } from 'pino';
import { hasCode } from '../errors.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import type { RunUpkeep } from '../store/run-upkeep.ts';
import { isRefused } from './log-errors.ts';
import type { RunLog } from './run-log.ts';

export interface BridgeIdentity {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
}

/** How many calls and runs got their end. */
export interface EndedCount {
  readonly calls: number;
  readonly runs: number;
}

export interface DeadBridges {
  /**
   * One sweep at a time: who asks during one waits for that.
   * @param trustsHeartbeats whether a heart that stopped is a sign of death
   */
  end(trustsHeartbeats: boolean): Promise<EndedCount>;
}

export interface DeadBridgesOptions {
  readonly upkeep: RunUpkeep;
  readonly log: RunLog;
  readonly logger: Logger;
  /** This bridge, which others may take for dead meanwhile. */
  readonly self: () => BridgeIdentity;
  /** No other bridge can be alive. */
  readonly isAlone: boolean;
  /** Whether a process of this host lives. */
  readonly isAlive: (pid: number) => boolean;
  readonly staleSeconds: number;
}

export function createDeadBridges({
  upkeep,
  log,
  logger,
  self,
  isAlone,
  isAlive,
  staleSeconds,
}: DeadBridgesOptions): DeadBridges {
  let sweeping: Promise<EndedCount> | undefined;

  const sweep = async (trustsHeartbeats: boolean): Promise<EndedCount> => {
    const others = await upkeep.others(self().id, staleSeconds);
    const dead = others.filter(
      ({ pid, host, isEnded, isStale }) =>
        isAlone ||
        isEnded ||
        (isStale && trustsHeartbeats) ||
        (host === self().host && (pid === self().pid || !isAlive(pid))),
    );
    const total = { calls: 0, runs: 0 };
    for (const id of await upkeep.claim(
      self().id,
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

  const endWhatIsLeft = async (bridgeId: string): Promise<EndedCount> => {
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

  return {
    end(trustsHeartbeats) {
      sweeping ??= sweep(trustsHeartbeats).finally(() => (sweeping = undefined));
      return sweeping;
    },
  };
}

/** The run is gone, or the database refuses the event. */
function isFinal(error: unknown): boolean {
  return hasCode(error, 'run/unknown') || isRefused(error);
}
