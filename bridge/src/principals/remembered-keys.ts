// Keys that were verified a moment ago, so that most requests need no query. Keys that nobody knows are
// remembered too.
import type { Principal } from './caller.ts';

export interface RememberedKey {
  /** Undefined for a key that nobody knows. */
  readonly principal: Principal | undefined;
  readonly expiresAt: number;
}

interface Entry extends RememberedKey {
  readonly until: number;
  readonly release: () => void;
}

/** By the monotonic clock. */
const REMEMBER_MS = 10_000;
const MAX_KEYS = 10_000;

export class RememberedKeys {
  readonly #entries = new Map<string, Entry>();

  find(key: string): RememberedKey | undefined {
    const known = this.#entries.get(key);
    return known !== undefined && known.until > performance.now() ? known : undefined;
  }

  /** @param release called when the key is forgotten */
  add(key: string, { principal, expiresAt }: RememberedKey, release: () => void): void {
    if (this.#entries.size >= MAX_KEYS) this.forgetAll();
    const until = performance.now() + REMEMBER_MS;
    this.#entries.set(key, { principal, expiresAt, until, release });
  }

  forget(key: string): void {
    this.#entries.get(key)?.release();
    this.#entries.delete(key);
  }

  /** Forgets a key that is released already. */
  drop(key: string): void {
    this.#entries.delete(key);
  }

  forgetOld(): void {
    const now = performance.now();
    for (const [key, { until }] of this.#entries) if (until <= now) this.forget(key);
  }

  forgetAll(): void {
    for (const { release } of this.#entries.values()) release();
    this.#entries.clear();
  }
}
