// Who may have a call at a server. A server is shared, so what one principal has there at once is
// bounded; the rest waits here, and principals take turns. A call that waits can be cancelled, and its
// time runs.
import { TurnQueue, type WaitOptions, type Waited } from '../flow/turn-queue.ts';

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

  /**
   * Whether the call may begin at once; else it has to `wait`. What began has to `end`.
   * @param limit calls of one principal at once
   */
  begin(owner: string, limit: number): boolean {
    if (this.#waiting.size > 0 || !this.#mayBegin(owner, limit)) return false;
    this.#count(owner, 1);
    return true;
  }

  wait(owner: string, limit: number, options: WaitOptions): Promise<Waited> {
    const waiting = this.#waiting.wait(owner, limit, options);
    this.#waiting.next();
    return waiting;
  }

  end(owner: string): void {
    this.#count(owner, -1);
    this.#waiting.next();
  }

  #mayBegin(owner: string, limit: number): boolean {
    return (this.#begun.get(owner) ?? 0) < limit && this.#all < limit * FULL_PRINCIPALS;
  }

  #count(owner: string, calls: 1 | -1): void {
    this.#all += calls;
    const count = (this.#begun.get(owner) ?? 0) + calls;
    if (count === 0) this.#begun.delete(owner);
    else this.#begun.set(owner, count);
  }
}
