// Lets one at a time through each lane (a host, a kind of conversion), with a gap after each. Members
// (principals) take turns, so that one with a hundred requests does not make another wait for all of them.
import type { ToolError } from '@drawbridge/kit';

export interface Turn {
  /** Whose it is. */
  member: string;
  signal: AbortSignal;
  /** Milliseconds that the lane rests afterwards. */
  gapMs?: number;
}

export interface FairQueue {
  /** Resolves with what ends the turn; calling it again does nothing. @throws ToolError when full */
  acquire(lane: string, turn: Turn): Promise<() => void>;
}

export interface FairQueueOptions {
  /** Most that wait in a lane. */
  maxWaiting: number;
  /** Most of them that are one member's. */
  maxOfMember: number;
  toError: (lane: string, waiting: number) => ToolError;
}

interface Waiter {
  start: () => void;
}

interface Lane {
  isBusy: boolean;
  readyAt: number;
  waiting: Map<string, Waiter[]>;
  count: number;
  timer: NodeJS.Timeout | undefined;
}

export function createFairQueue({ maxWaiting, maxOfMember, toError }: FairQueueOptions): FairQueue {
  const lanes = new Map<string, Lane>();

  const advance = (name: string, lane: Lane) => {
    clearTimeout(lane.timer);
    lane.timer = undefined;
    if (lane.isBusy) return;
    const rest = lane.readyAt - performance.now();
    if (rest > 0) {
      lane.timer = setTimeout(advance, rest, name, lane);
      return;
    }
    const [first] = lane.waiting;
    if (first === undefined) {
      lanes.delete(name);
      return;
    }
    const [member, queue] = first;
    const waiter = queue.shift();
    lane.waiting.delete(member);
    if (queue.length > 0) lane.waiting.set(member, queue);
    if (waiter === undefined) return;
    lane.count -= 1;
    lane.isBusy = true;
    waiter.start();
  };

  return {
    acquire(name, { member, signal, gapMs = 0 }) {
      signal.throwIfAborted();
      let lane = lanes.get(name);
      if (lane === undefined) {
        lane = { isBusy: false, readyAt: 0, waiting: new Map(), count: 0, timer: undefined };
        lanes.set(name, lane);
      }
      const here = lane;
      const queue = here.waiting.get(member) ?? [];
      if (here.count >= maxWaiting || queue.length >= maxOfMember)
        return Promise.reject(toError(name, here.count));
      return new Promise((resolve, reject) => {
        const leave = () => {
          const at = queue.indexOf(waiter);
          if (at < 0) return;
          queue.splice(at, 1);
          here.count -= 1;
          if (queue.length === 0) here.waiting.delete(member);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          start() {
            signal.removeEventListener('abort', leave);
            let isOver = false;
            resolve(() => {
              if (isOver) return;
              isOver = true;
              here.isBusy = false;
              here.readyAt = performance.now() + gapMs;
              advance(name, here);
            });
          },
        };
        queue.push(waiter);
        here.waiting.set(member, queue);
        here.count += 1;
        signal.addEventListener('abort', leave, { once: true });
        advance(name, here);
      });
    },
  };
}
