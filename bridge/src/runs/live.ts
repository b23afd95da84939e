// Follows runs as they happen. A reader subscribes to news first and then reads pages until there is
// nothing more; news only makes it read again. So each event comes exactly once, nothing is kept in
// memory for a slow reader, and none can hold up the writer.
import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '@drawbridge/schemas';
import type { News } from './news.ts';
import type { RunReader, TenantEvent } from './reader.ts';

export interface LiveRuns {
  /**
   * The run's events after a seq, in order, and then live ones; ends after the run's last event.
   * Rejects with `run/unknown` or `run/pruned`. An abort ends it without an error.
   */
  follow(
    tenantId: string,
    runId: string,
    options: { readonly after?: number; readonly signal: AbortSignal },
  ): AsyncIterable<RunEvent>;
  /**
   * The events of all runs of a tenant after a cursor; without one, from now on. Each comes once. Those
   * of one run come in the order of seq, unless two bridges write the same run at once.
   */
  followAll(
    tenantId: string,
    options: { readonly after?: string; readonly signal: AbortSignal },
  ): AsyncIterable<TenantEvent>;
}

export interface LiveRunsOptions {
  readonly reader: RunReader;
  readonly news: News;
}

const PAGE = 200;
/** Least time between two looks, so that a busy log does not cost a query for each commit. */
const GAP_MS = 10;
/** News can get lost; nobody waits longer than this. */
const LOOK_AGAIN_MS = 1_000;

export function createLiveRuns({ reader, news }: LiveRunsOptions): LiveRuns {
  async function* follow(
    tenantId: string,
    runId: string,
    { after = 0, signal }: { after?: number; signal: AbortSignal },
  ): AsyncGenerator<RunEvent> {
    const waiter = news.watch(runId);
    let seq = after;
    try {
      while (!signal.aborted) {
        const events = await reader.events(tenantId, runId, { after: seq, limit: PAGE });
        for (const event of events) {
          yield event;
          seq = event.seq;
          if (signal.aborted) return;
        }
        if (events.length === PAGE) continue;
        // A run that has ended says so in its row, also to a reader that comes after its last event.
        const last = events.at(-1);
        if (last === undefined || isRunEnd(last)) {
          const run = await reader.run(tenantId, runId);
          if (run?.completedAt !== undefined && run.lastSeq <= seq) return;
        }
        await waiter.wait(LOOK_AGAIN_MS, signal);
        await pause(signal);
      }
    } finally {
      waiter.close();
    }
  }

  async function* followAll(
    tenantId: string,
    { after, signal }: { after?: string; signal: AbortSignal },
  ): AsyncGenerator<TenantEvent> {
    const waiter = news.watch();
    let look = GAP_MS;
    try {
      let cursor = after ?? (await reader.now());
      await reader.assertKept(tenantId, cursor);
      while (!signal.aborted) {
        const { events, isBehind } = await reader.tenantEvents(tenantId, {
          after: cursor,
          limit: PAGE,
        });
        for (const event of events) {
          yield event;
          cursor = event.cursor;
          if (signal.aborted) return;
        }
        if (events.length === PAGE) continue;
        // A transaction that is still open holds back what is committed; it seldom takes long.
        look = isBehind ? Math.min(look * 2, LOOK_AGAIN_MS) : LOOK_AGAIN_MS;
        if ((await waiter.wait(look, signal)) || events.length > 0) look = GAP_MS;
        await pause(signal);
      }
    } finally {
      waiter.close();
    }
  }

  return { follow, followAll };
}

function isRunEnd({ type }: RunEvent): boolean {
  return type === 'run.completed' || type === 'run.failed' || type === 'run.cancelled';
}

async function pause(signal: AbortSignal): Promise<void> {
  await delay(GAP_MS, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
