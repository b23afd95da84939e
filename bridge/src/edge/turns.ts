// Who is served next. One turn of the event loop begins only so much work; what is over waits for the
// next one, where principals take turns. So a caller with one small request is not behind the
// thousand requests of another that came in before it.
import { FairQueue } from './fair-queue.ts';

export interface Turns {
  /** Runs `start` now, or in one of the next turns of the event loop. */
  take(owner: string, bytes: number, start: () => void): void;
}

/** Small requests that one turn of the event loop begins. */
const MOST_COST = 32;
/** A body of this size costs as much as a request does. */
const COST_BYTES = 16 * 1024;

interface Waiting {
  readonly cost: number;
  readonly start: () => void;
}

export function createTurns(): Turns {
  const queue = new FairQueue<Waiting>();
  let spent = 0;
  let isScheduled = false;

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextTurn);
  };
  const begin = ({ cost, start }: Waiting): void => {
    spent += cost;
    schedule();
    start();
  };
  const nextTurn = (): void => {
    isScheduled = false;
    spent = 0;
    // A turn without room for it takes a large body all the same, as the only one.
    const fits = ({ cost }: Waiting): boolean => spent === 0 || spent + cost <= MOST_COST;
    for (let next = queue.shift(fits); next !== undefined; next = queue.shift(fits)) begin(next);
    if (queue.size > 0) schedule();
  };

  return {
    take(owner, bytes, start) {
      const waiting = { cost: 1 + Math.floor(bytes / COST_BYTES), start };
      const isFree = queue.size === 0 && (spent === 0 || spent + waiting.cost <= MOST_COST);
      if (isFree) {
        begin(waiting);
        return;
      }
      queue.push(owner, waiting);
      schedule();
    },
  };
}
