// When a server that says its lists changed is asked for them again: soon at first, and less and less often
// while it goes on saying so. What it says meanwhile is one change; the last is always followed by asking.

/** Several notices in a row ask the server once. */
const SOON_MS = 100;
/** Changes that are followed at once, as when a server loads its parts one by one. */
const SOON_TIMES = 3;
const FIRST_GAP_MS = 2_000;
const LONGEST_GAP_MS = 60_000;

export class ListPace {
  #askedAt = Number.NEGATIVE_INFINITY;
  #times = 0;

  /** How long to wait from now on. */
  waitMs(now: number): number {
    // A quiet time is forgiven.
    if (now - this.#askedAt > this.#gapMs() * 2 + SOON_MS) this.#times = 0;
    return Math.max(SOON_MS, this.#askedAt + this.#gapMs() - now);
  }

  /** It is asked now. */
  note(now: number): void {
    this.#askedAt = now;
    this.#times += 1;
  }

  #gapMs(): number {
    const late = this.#times - SOON_TIMES;
    return late < 0 ? 0 : Math.min(FIRST_GAP_MS * 2 ** late, LONGEST_GAP_MS);
  }
}
