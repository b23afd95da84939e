// Who is served next. One turn of the event loop begins only so much work; what is over waits for the
// next one, where principals take turns. So a caller with one small request is not behind the
// thousand requests of another that came in before it.
import { FairQueue } from './fair-queue.ts';

export interface Turns {
  /** Runs `start` now, or in one of the next turns of the event loop. */
  take(owner: string, bytes: number, start: () => void): void;
}

/** Small requests that are begun together. */
const MOST_COST = 32;
/** A body of this size costs as much as a request does. */
const COST_BYTES = 16 * 1024;
/** What is begun within this time counts as one turn: asking the event loop would be a turn by itself. */
const TURN_MS = 2;

interface Waiting {
  readonly cost: number;
  readonly start: () => void;
}

export function createTurns(): Turns {
  const queue = new FairQueue<Waiting>();
  let spent = 0;
  let begunAt = 0;

  const begin = ({ cost, start }: Waiting): void => {
    spent += cost;
    start();
  };
  const nextTurn = (): void => {
    spent = 0;
    begunAt = performance.now();
    // A turn without room for it takes a large body all the same, as the only one.
    const fits = ({ cost }: Waiting): boolean => spent === 0 || spent + cost <= MOST_COST;
    for (let next = queue.shift(fits); next !== undefined; next = queue.shift(fits)) begin(next);
    if (queue.size > 0) setImmediate(nextTurn);
  };

  return {
    take(owner, bytes, start) {
      const cost = 1 + Math.floor(bytes / COST_BYTES);
      if (queue.size > 0) {
        queue.push(owner, { cost, start });
        return;
      }
      const now = performance.now();
      if (now - begunAt > TURN_MS) {
        spent = 0;
        begunAt = now;
      }
      if (spent === 0 || spent + cost <= MOST_COST) {
        spent += cost;
        start();
        return;
      }
      queue.push(owner, { cost, start });
      setImmediate(nextTurn);
    },
  };
}
