// Long synchronous work in short turns, so that other calls of this process are served in between.
import { setImmediate } from 'node:timers/promises';

const TURN_MS = 8;

/** Call it often; it waits only when a turn is over. @throws the signal's reason when it is aborted. */
export function createTurns(signal: AbortSignal): () => Promise<void> | undefined {
  let begun = performance.now();
  return () => {
    if (performance.now() - begun < TURN_MS) {
      signal.throwIfAborted();
      return undefined;
    }
    return setImmediate().then(() => {
      signal.throwIfAborted();
      begun = performance.now();
    });
  };
}
