// Turns of the event loop. What a crowd sends is often read in one turn, and what the log has written is
// let out in one; done at once, it would hold up everybody else. Here, what comes when a slice of time is
// over waits for the next turn, and owners take turns.
import { FairQueue } from './fair-queue.ts';

/** Asked before each piece of work: undefined where it may begin at once, else resolves at the owner's turn. */
export type LoopTurns = (owner: string) => Promise<void> | undefined;

export interface LoopTurnsOptions {
  /**
   * For work that nobody waits for: how long it may go on before it rests after each slice, so that calls,
   * which take many turns of the event loop, do not meet a slice in each.
   */
  readonly burstMs?: number;
}

/** Short, because one connection is accepted in each turn of the event loop. */
const SLICE_MS = 2;
/** Of work that goes on for long. */
const SHORT_SLICE_MS = 1;
const REST_MS = 3;

export function createLoopTurns({
  burstMs = Number.POSITIVE_INFINITY,
}: LoopTurnsOptions = {}): LoopTurns {
  const waiting = new FairQueue<() => void>(1);
  let until = 0;
  let busySince = 0;
  let isPumping = false;

  const pump = async (): Promise<void> => {
    const begin = performance.now();
    const isLong = begin - busySince > burstMs;
    until = begin + (isLong ? SHORT_SLICE_MS : SLICE_MS);
    do {
      waiting.shift()?.();
      // Lets the work begin whose turn it is.
      await undefined;
    } while (waiting.size > 0 && performance.now() < until);
    isPumping = waiting.size > 0;
    if (!isPumping) return;
    if (isLong) setTimeout(pump, REST_MS);
    else setImmediate(pump);
  };

  return (owner) => {
    if (!isPumping) {
      const now = performance.now();
      if (now < until) return undefined;
      busySince = now;
      isPumping = true;
      setImmediate(pump);
    }
    return new Promise((resolve) => waiting.push(owner, resolve));
  };
}
