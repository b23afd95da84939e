// Waiting for a turn: owners take turns, and who waits may give up, by a signal or because its time is
// over. Whoever has the thing that is waited for says who may begin.
import { FairQueue } from './fair-queue.ts';

export type Waited = 'begun' | 'cancelled' | 'timed_out';

export interface TurnQueueOptions<T> {
  /** Asked for the next of each owner. */
  readonly mayBegin: (item: T, owner: string) => boolean;
  /** Called in the moment in which the item's turn comes. */
  readonly begin: (item: T, owner: string) => void;
  /** What an owner's turn may weigh. */
  readonly quantum: number;
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly weight?: number;
}

interface Waiting<T> {
  readonly item: T;
  readonly settle: (waited: Waited) => void;
}

export class TurnQueue<T> {
  readonly #waiting: FairQueue<Waiting<T>>;
  readonly #options: TurnQueueOptions<T>;

  constructor(options: TurnQueueOptions<T>) {
    this.#options = options;
    this.#waiting = new FairQueue(options.quantum);
  }

  get size(): number {
    return this.#waiting.size;
  }

  sizeOf(owner: string): number {
    return this.#waiting.sizeOf(owner);
  }

  /** Never rejects. */
  wait(owner: string, item: T, { signal, timeoutMs, weight }: WaitOptions): Promise<Waited> {
    if (signal.aborted) return Promise.resolve('cancelled');
    return new Promise((resolve) => {
      const giveUp = (waited: Waited): void => {
        this.#waiting.remove(owner, waiting);
        settle(waited);
      };
      const onAbort = (): void => giveUp('cancelled');
      const timer = setTimeout(giveUp, timeoutMs, 'timed_out');
      const settle = (waited: Waited): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(waited);
      };
      const waiting = { item, settle };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(owner, waiting, weight);
    });
  }

  /** Lets those begin who may. */
  next(): void {
    if (this.#waiting.size === 0) return;
    const { mayBegin, begin } = this.#options;
    let owner = '';
    const isNext = ({ item }: Waiting<T>, of: string): boolean => {
      owner = of;
      return mayBegin(item, of);
    };
    for (
      let next = this.#waiting.shift(isNext);
      next !== undefined;
      next = this.#waiting.shift(isNext)
    ) {
      begin(next.item, owner);
      next.settle('begun');
    }
  }
}
