// Who may have a call at a server. A server is shared, so what one principal has there at once is
// bounded; the rest waits here, and principals take turns. A call that waits can be cancelled, and its
// time runs.
import { FairQueue } from '../fair-queue.ts';

export type Turn =
  /** Idempotent; the next one gets its turn. */
  | { readonly kind: 'begun'; readonly leftMs: number; readonly release: () => void }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'timed_out' };

export interface TurnOptions {
  /** The principal's id. */
  readonly owner: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Calls of one principal at once. */
  readonly limit: number;
}

interface Waiting {
  readonly limit: number;
  isGone: boolean;
  readonly begin: () => void;
}

/** Principals whose calls fill their limits at one connection, before others wait as well. */
const FULL_PRINCIPALS = 4;

export class CallTurns {
  readonly #waiting = new FairQueue<Waiting>(1);
  readonly #begun = new Map<string, number>();
  #all = 0;

  async take({ owner, timeoutMs, signal, limit }: TurnOptions): Promise<Turn> {
    if (this.#waiting.size === 0 && this.#mayBegin(owner, limit)) {
      return { kind: 'begun', leftMs: timeoutMs, release: this.#begin(owner) };
    }
    const since = performance.now();
    return new Promise((resolve) => {
      const leave = (kind: 'cancelled' | 'timed_out') => (): void => {
        waiting.isGone = true;
        settle({ kind });
      };
      const onAbort = leave('cancelled');
      const timer = setTimeout(leave('timed_out'), timeoutMs);
      const settle = (turn: Turn): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(turn);
      };
      const waiting: Waiting = {
        limit,
        isGone: false,
        begin: () => {
          const leftMs = Math.max(1, timeoutMs - (performance.now() - since));
          settle({ kind: 'begun', leftMs, release: this.#begin(owner) });
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(owner, waiting);
      this.#next();
    });
  }

  #mayBegin(owner: string, limit: number): boolean {
    return (this.#begun.get(owner) ?? 0) < limit && this.#all < limit * FULL_PRINCIPALS;
  }

  #begin(owner: string): () => void {
    this.#all += 1;
    this.#begun.set(owner, (this.#begun.get(owner) ?? 0) + 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#all -= 1;
      const left = (this.#begun.get(owner) ?? 1) - 1;
      if (left === 0) this.#begun.delete(owner);
      else this.#begun.set(owner, left);
      this.#next();
    };
  }

  #next(): void {
    const isNext = ({ isGone, limit }: Waiting, owner: string): boolean =>
      isGone || this.#mayBegin(owner, limit);
    for (let next = this.#take(isNext); next !== undefined; next = this.#take(isNext)) {
      if (!next.isGone) next.begin();
    }
  }

  #take(isNext: (waiting: Waiting, owner: string) => boolean): Waiting | undefined {
    return this.#waiting.size === 0 ? undefined : this.#waiting.shift(isNext);
  }
}
