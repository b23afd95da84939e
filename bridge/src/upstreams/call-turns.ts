// Who may have a call at a server. A server is shared, so what one principal has there at once is
// bounded; the rest waits here, and principals take turns. A call that waits can be cancelled, and its
// time runs.
import { TurnQueue } from '../turn-queue.ts';

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

/** Principals whose calls fill their limits at one connection, before others wait as well. */
const FULL_PRINCIPALS = 4;

export class CallTurns {
  readonly #waiting = new TurnQueue<number>({
    quantum: 1,
    mayBegin: (limit, owner) => this.#mayBegin(owner, limit),
    begin: (_, owner) => this.#count(owner, 1),
  });
  readonly #begun = new Map<string, number>();
  #all = 0;

  async take({ owner, timeoutMs, signal, limit }: TurnOptions): Promise<Turn> {
    if (this.#waiting.size === 0 && this.#mayBegin(owner, limit)) {
      this.#count(owner, 1);
      return { kind: 'begun', leftMs: timeoutMs, release: this.#toRelease(owner) };
    }
    const since = performance.now();
    const waiting = this.#waiting.wait(owner, limit, { signal, timeoutMs });
    this.#waiting.next();
    const kind = await waiting;
    if (kind !== 'begun') return { kind };
    const leftMs = Math.max(1, timeoutMs - (performance.now() - since));
    return { kind, leftMs, release: this.#toRelease(owner) };
  }

  #mayBegin(owner: string, limit: number): boolean {
    return (this.#begun.get(owner) ?? 0) < limit && this.#all < limit * FULL_PRINCIPALS;
  }

  #toRelease(owner: string): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#count(owner, -1);
      this.#waiting.next();
    };
  }

  #count(owner: string, calls: 1 | -1): void {
    this.#all += calls;
    const count = (this.#begun.get(owner) ?? 0) + calls;
    if (count === 0) this.#begun.delete(owner);
    else this.#begun.set(owner, count);
  }
}
