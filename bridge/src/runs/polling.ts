// How often the log is looked at for what is new.
import { setTimeout as delay } from 'node:timers/promises';

/** Least time between two looks, so that a busy log does not cost a query for each commit. */
export const GAP_MS = 10;
/** A notification can get lost; nobody waits longer than this. */
export const LOOK_AGAIN_MS = 1_000;

/** Waits until the gap after a look, that began at `lookedAt` of `performance.now()`, is over. */
export async function keepGap(lookedAt: number, signal: AbortSignal): Promise<void> {
  const left = lookedAt + GAP_MS - performance.now();
  if (left <= 0) return;
  await delay(left, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
