// How many notifications of a server are handled. Messages and progress may be lost, so beyond a rate they are
// dropped before they cost anything, and counted. That a list changed is never lost: the last of many such
// notifications is handled when the second is over.

export interface NotificationLimitOptions {
  /** Told, at most every ten seconds, how many notifications were dropped since. */
  readonly onDropped: (count: number) => void;
  /** Handles a notification that was held back. */
  readonly deliver: (method: string) => void;
}

export type Verdict =
  | 'pass'
  | 'drop'
  /** The server says so much that reading it costs the others; let it wait. */
  | 'flood';

const WINDOW_MS = 1_000;
const PROGRESS = 'notifications/progress';
const MAX_PROGRESS = 2_000;
const MAX_OTHERS = 500;
const FLOOD = 10_000;
const TELL_MS = 10_000;

export class NotificationLimit {
  readonly #options: NotificationLimitOptions;
  readonly #held = new Set<string>();
  #windowEnds = Number.NEGATIVE_INFINITY;
  #progress = 0;
  #others = 0;
  #dropped = 0;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #later: NodeJS.Timeout | undefined;

  constructor(options: NotificationLimitOptions) {
    this.#options = options;
  }

  /** Milliseconds until the second is over. */
  get waitMs(): number {
    return Math.max(1, Math.ceil(this.#windowEnds - performance.now()));
  }

  /** @param method undefined for what is no message at all */
  judge(method: string | undefined): Verdict {
    const now = performance.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW_MS;
      this.#progress = 0;
      this.#others = 0;
      this.#dropped = 0;
    }
    if (method !== undefined && this.#admits(method)) return 'pass';
    this.#dropped += 1;
    this.#untold += 1;
    if (method?.endsWith('/list_changed') === true) this.#hold(method);
    if (now - this.#toldAt >= TELL_MS) {
      this.#toldAt = now;
      this.#options.onDropped(this.#untold);
      this.#untold = 0;
    }
    return this.#dropped >= FLOOD ? 'flood' : 'drop';
  }

  close(): void {
    clearTimeout(this.#later);
  }

  #admits(method: string): boolean {
    if (method !== PROGRESS) return (this.#others += 1) <= MAX_OTHERS;
    return (this.#progress += 1) <= MAX_PROGRESS;
  }

  #hold(method: string): void {
    this.#held.add(method);
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      const held = [...this.#held];
      this.#held.clear();
      for (const each of held) this.#options.deliver(each);
    }, WINDOW_MS).unref();
  }
}
