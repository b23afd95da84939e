// When a server that says its lists changed is asked for them again: soon at first, then less and less often
// while it goes on saying so. Lists that take long are asked for less often.

/** Several notices in a row ask the server once. */
const SOON_MS = 100;
/** Changes that are followed at once, as when a server loads its parts one by one. */
const SOON_TIMES = 3;
const FIRST_GAP_MS = 2_000;
const MAX_GAP_MS = 60_000;
/** Asking may take a tenth of the time. */
const GAP_FOR_EACH_MS = 10;

export class ListBackoff {
  #endedAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  #times = 0;

  /** How long to wait from now on. */
  waitMs(now: number): number {
    // After a quiet time it is asked soon again.
    if (now - this.#endedAt > this.#gapMs() * 2 + SOON_MS) this.#times = 0;
    return Math.max(SOON_MS, this.#endedAt + this.#gapMs() - now);
  }

  /** It was asked. */
  note(begun: number, ended: number): void {
    this.#endedAt = ended;
    this.#tookMs = ended - begun;
    this.#times += 1;
  }

  #gapMs(): number {
    const late = this.#times - SOON_TIMES;
    if (late < 0) return this.#tookMs;
    const gapMs = Math.max(FIRST_GAP_MS * 2 ** late, this.#tookMs * GAP_FOR_EACH_MS);
    return Math.min(gapMs, MAX_GAP_MS);
  }
}
