// Tries a write of an Idempotency-Key to the store again, once a second for ten minutes, so that other bridges
// need not wait for this one to end before the key is settled.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

const RETRY_MS = 1_000;
const MAX_TRIES = 600;
/** Writes that are tried again at once; the keys of further ones stay taken until this bridge has ended. */
const MAX_WAITING = 1_000;

/** Returns a function that resolves when the work has succeeded, or is given up. It never rejects. */
export function createStoreRetry(
  logger: Pick<Logger, 'debug'>,
): (work: () => Promise<void>) => Promise<void> {
  let waiting = 0;
  return async (work) => {
    if (waiting >= MAX_WAITING) return;
    waiting += 1;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      await delay(RETRY_MS, undefined, { ref: false });
      try {
        await work();
        break;
      } catch (error) {
        logger.debug({ err: error }, 'an Idempotency-Key could not be settled yet');
      }
    }
    waiting -= 1;
  };
}
