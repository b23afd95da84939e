// Follows runs as they happen. A reader subscribes to commits first and then reads pages until there is
// nothing more; a commit only makes it read again. So each event comes exactly once, nothing is kept in
// memory for a slow reader, and none can hold up the writer.
import type { StoredEvent } from '../store/run-queries.ts';
import type { CommitNotifications } from './commit-notifications.ts';
import { MAX_POLL_MS, MIN_POLL_MS, keepMinPoll } from './polling.ts';
import type { RunReader, TenantEvent } from './reader.ts';
import { createTails } from './tail.ts';

export interface LiveRuns {
  /**
   * The run's events after a seq, in order, and then live ones; ends after the run's last event.
   * Rejects with `run/unknown` or `run/pruned`. An abort ends it without an error. Readers at the live
   * edge are given the same objects.
   */
  follow(
    tenantId: string,
    runId: string,
    options: { readonly after?: number; readonly signal: AbortSignal },
  ): AsyncIterable<StoredEvent>;
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
  readonly notifications: CommitNotifications;
}

const PAGE = 200;

export function createLiveRuns({ reader, notifications }: LiveRunsOptions): LiveRuns {
  const tails = createTails({ reader, notifications });

  async function* follow(
    tenantId: string,
    runId: string,
    { after = 0, signal }: { after?: number; signal: AbortSignal },
  ): AsyncGenerator<StoredEvent> {
    const tail = tails.join(tenantId, runId, signal);
    let seq = after;
    try {
      while (!signal.aborted) {
        const events =
          tail.after(seq) ?? (await reader.events(tenantId, runId, { after: seq, limit: PAGE }));
        for (const event of events) {
          yield event;
          seq = event.seq;
          if (signal.aborted) return;
        }
        if (events.length === 0 && !(await tail.wait(seq))) return;
      }
    } finally {
      tail.leave();
    }
  }

  async function* followAll(
    tenantId: string,
    { after, signal }: { after?: string; signal: AbortSignal },
  ): AsyncGenerator<TenantEvent> {
    const waiter = notifications.watch();
    let pollMs = MIN_POLL_MS;
    try {
      let cursor = after ?? (await reader.now());
      await reader.assertKept(tenantId, cursor);
      while (!signal.aborted) {
        const polledAt = performance.now();
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
        pollMs = isBehind ? Math.min(pollMs * 2, MAX_POLL_MS) : MAX_POLL_MS;
        if ((await waiter.wait(pollMs, signal)) || events.length > 0) pollMs = MIN_POLL_MS;
        await keepMinPoll(polledAt, signal);
      }
    } finally {
      waiter.close();
    }
  }

  return { follow, followAll };
}
