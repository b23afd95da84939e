// Turns of the event loop. What a crowd sends is often read in one turn, and what the log has written is
// let out in one; done at once, it would hold up everybody else. Here, what comes when a slice of time is
// over waits for the next turn, and owners take turns.
import { FairQueue } from './fair-queue.ts';

/** Asked before each piece of work: nothing to wait for, or the owner's turn. */
export type LoopTurns = (owner: string) => Promise<void> | undefined;

const SLICE_MS = 8;

export function createLoopTurns(): LoopTurns {
  const waiting = new FairQueue<() => void>(1);
  let until = 0;
  let isPumping = false;

  const pump = async (): Promise<void> => {
    until = performance.now() + SLICE_MS;
    do {
      waiting.shift()?.();
      // Lets the work begin whose turn it is.
      await undefined;
    } while (waiting.size > 0 && performance.now() < until);
    isPumping = waiting.size > 0;
    if (isPumping) setImmediate(pump);
  };

  return (owner) => {
    if (!isPumping && performance.now() < until) return undefined;
    if (!isPumping) setImmediate(pump);
    isPumping = true;
    return new Promise((resolve) => waiting.push(owner, resolve));
  };
}
