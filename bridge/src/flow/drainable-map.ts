// A map of what is under way, which can be waited for until it is empty.
import { waitAtMost } from '../bounded-wait.ts';
import { CompactingMap } from './compacting-map.ts';

export class DrainableMap<K, V> extends CompactingMap<K, V> {
  #onEmpty: (() => void) | undefined;

  override delete(key: K): void {
    super.delete(key);
    if (this.size === 0) this.#onEmpty?.();
  }

  /** Resolves when the map is empty, or after `ms`. One waits at a time. */
  async untilEmpty(ms: number): Promise<void> {
    if (this.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    await waitAtMost(empty, ms);
    this.#onEmpty = undefined;
  }
}
