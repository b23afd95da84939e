// How often the log is read for new events.
import { setTimeout as delay } from 'node:timers/promises';

/** Least time between two reads, so that a busy log does not cost a query for each commit. */
export const MIN_POLL_MS = 10;
/** A notification can get lost; nobody waits longer than this. */
export const MAX_POLL_MS = 1_000;

/**
 * Waits until the least time after a read is over.
 * @param polledAt when that read began, by `performance.now()`
 */
export async function keepMinPoll(polledAt: number, signal: AbortSignal): Promise<void> {
  const left = polledAt + MIN_POLL_MS - performance.now();
  if (left <= 0) return;
  await delay(left, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
