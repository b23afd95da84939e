// A map of what comes and goes, as calls under way do. V8 rebuilds the table of a Map after every few
// deletions, and each old table points to the next: once one of them has become old, all later ones,
// and all that was in them, live on until the next full collection. A fresh Map ends that chain.

const DELETIONS = 64;

export class CompactingMap<K, V> {
  #map = new Map<K, V>();
  #deletions = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: K): void {
    if (!this.#map.delete(key)) return;
    this.#deletions += 1;
    if (this.#deletions < DELETIONS + this.#map.size) return;
    this.#deletions = 0;
    this.#map = new Map(this.#map);
  }

  /** As they are now: what is deleted meanwhile is still told. */
  keys(): readonly K[] {
    return [...this.#map.keys()];
  }

  values(): readonly V[] {
    return [...this.#map.values()];
  }
}
