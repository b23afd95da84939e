// Finds the run that a stateless caller's call belongs to. Callers without a session send each call
// alone; what belongs together is told by the trace they name, or else by their credential. The
// principal is part of the key, so a trace id never joins runs of different principals. This bridge
// is too, so that memory is enough to find a run and the hot path needs no query.
import type { Logger } from 'pino';
import type { CallerIdentity } from '../principals/caller.ts';
import { findDrawbridgeError } from '../errors.ts';
import type { RunQueries } from '../store/run-queries.ts';
import type { RunUpkeep } from '../store/run-upkeep.ts';
import { isRefused } from './log-errors.ts';
import type { RunLog } from './run-log.ts';

export interface StreamRuns {
  /** The caller's open run; opens one when there is none. */
  find(caller: CallerIdentity): Promise<string>;
  /** Ends runs that nobody used for 30 minutes and that have no call under way. */
  endIdle(): Promise<void>;
  /** Forgets all runs, since others end them, and goes on under another bridge's id. */
  renew(bridgeId: string): void;
  /** Ends all runs. */
  close(): Promise<void>;
}

export interface StreamRunsOptions {
  readonly log: RunLog;
  readonly queries: Pick<RunQueries, 'openRun'>;
  readonly upkeep: Pick<RunUpkeep, 'hasOpenCall'>;
  readonly bridgeId: string;
  readonly logger: Logger;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

interface OpenRun {
  readonly id: Promise<string>;
  usedAt: number;
}

const IDLE_MS = 30 * 60_000;

export function createStreamRuns({
  log,
  queries,
  upkeep,
  bridgeId: firstId,
  logger,
  now = () => performance.now(),
}: StreamRunsOptions): StreamRuns {
  let bridgeId = firstId;
  const open = new Map<string, OpenRun>();

  const start = async (
    { principal, client, project }: CallerIdentity,
    key: string,
  ): Promise<string> => {
    const { tenantId } = principal;
    try {
      const { id } = await log.open({
        tenantId,
        project,
        createdBy: principal.id,
        kind: 'stream',
        title: client.name ?? principal.name,
        streamKey: key,
        ...(client.name !== undefined && { client: client.name }),
      });
      return id;
    } catch (error) {
      // Refused, it may be there already: its end, or the answer to its opening, was lost.
      if (!isRefused(error)) throw error;
      const id = await queries.openRun(tenantId, key).catch(() => undefined);
      if (id === undefined) throw error;
      return id;
    }
  };

  const end = async (id: Promise<string>, reason: string): Promise<void> => {
    const runId = await id.catch(() => undefined); // who asked for it was told that it did not open
    if (runId === undefined) return;
    await log
      .end(runId, 'completed', reason)
      .catch((error: unknown) => logger.warn({ err: error, runId }, 'a run could not be ended'));
  };

  /** A run that cannot be looked at stays open, and the others have their turn. */
  const isBusy = async (id: Promise<string>): Promise<boolean> => {
    try {
      return await upkeep.hasOpenCall(await id);
    } catch (error) {
      if (findDrawbridgeError(error)?.code === 'store/unavailable') throw error;
      logger.warn({ err: error }, 'whether a run is idle could not be learned');
      return true;
    }
  };

  return {
    async find(caller) {
      const key = toStreamKey(caller, bridgeId);
      const known = open.get(key);
      if (known !== undefined) {
        known.usedAt = now();
        return known.id;
      }
      const id = start(caller, key);
      const run: OpenRun = { id, usedAt: now() };
      open.set(key, run);
      try {
        return await id;
      } catch (error) {
        if (open.get(key) === run) open.delete(key);
        throw error;
      }
    },
    async endIdle() {
      const before = now() - IDLE_MS;
      for (const [key, run] of open) {
        if (run.usedAt > before || (await isBusy(run.id))) continue;
        // It may have been used while we asked.
        if (run.usedAt > before) continue;
        open.delete(key);
        await end(run.id, 'idle for 30 minutes');
      }
    },
    renew(id) {
      bridgeId = id;
      open.clear();
    },
    async close() {
      const ids = [...open.values()].map(({ id }) => id);
      open.clear();
      await Promise.all(ids.map((id) => end(id, 'the bridge stopped')));
    },
  };
}

/** Unique among a tenant's open runs. */
function toStreamKey({ principal, project, traceId }: CallerIdentity, bridgeId: string): string {
  const group = traceId === undefined ? `key:${principal.keyId}` : `trace:${traceId}`;
  return [principal.id, bridgeId, group, project].join(' ');
}
