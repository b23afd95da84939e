// A queue in which owners take turns: however much one of them has waiting, the first of another is next
// but one. Turns are weighed (deficit round robin, RFC 8290 section 4.1 has the same), so that an owner of
// few large things and one of many small things get the same share.

interface Entry<T> {
  readonly item: T;
  readonly weight: number;
}

interface Lane<T> {
  readonly owner: string;
  /** What was taken out, before the head, is no longer held. */
  readonly items: (Entry<T> | undefined)[];
  head: number;
  weight: number;
  credit: number;
}

/** Removed items are cut off in pieces, since `shift` of a long array copies it. */
const CUT = 256;

export class FairQueue<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  /** Lanes that have items, in the order of their turns. */
  #turns: Lane<T>[] = [];
  readonly #quantum: number;
  #size = 0;
  #weight = 0;

  /** @param quantum what an owner's turn may weigh */
  constructor(quantum = 64 * 1024) {
    this.#quantum = quantum;
  }

  get size(): number {
    return this.#size;
  }

  get weight(): number {
    return this.#weight;
  }

  get owners(): number {
    return this.#lanes.size;
  }

  sizeOf(owner: string): number {
    if (this.#size === 0) return 0;
    const lane = this.#lanes.get(owner);
    return lane === undefined ? 0 : lane.items.length - lane.head;
  }

  weightOf(owner: string): number {
    return this.#lanes.get(owner)?.weight ?? 0;
  }

  push(owner: string, item: T, weight = 1): void {
    let lane = this.#lanes.get(owner);
    if (lane === undefined) {
      lane = { owner, items: [], head: 0, weight: 0, credit: this.#quantum };
      this.#lanes.set(owner, lane);
      this.#turns.push(lane);
    }
    lane.items.push({ item, weight });
    lane.weight += weight;
    this.#size += 1;
    this.#weight += weight;
  }

  /** Takes the next item out; `mayTake` is asked for the next of each owner, and who may not waits. */
  shift(mayTake: (item: T, owner: string) => boolean = () => true): T | undefined {
    let refused = 0;
    while (refused < this.#turns.length) {
      const [lane] = this.#turns;
      const next = lane?.items[lane.head];
      if (lane === undefined || next === undefined) return undefined;
      if (!mayTake(next.item, lane.owner)) {
        refused += 1;
        this.#rotate(lane);
        continue;
      }
      // Whose next is heavier than what it has left waits a turn, unless nobody else is there.
      if (lane.credit < next.weight && this.#turns.length > 1) {
        lane.credit += this.#quantum;
        this.#rotate(lane);
        refused = 0;
        continue;
      }
      this.#remove(lane, next.weight);
      return next.item;
    }
    return undefined;
  }

  /** What waits, each owner's in order. */
  *[Symbol.iterator](): Generator<T> {
    for (const { items, head } of this.#lanes.values()) {
      for (let at = head; at < items.length; at += 1) {
        const entry = items[at];
        if (entry !== undefined) yield entry.item;
      }
    }
  }

  /** Takes out every item that `isGone` tells. */
  drop(isGone: (item: T) => boolean): readonly T[] {
    const gone: T[] = [];
    for (const lane of this.#lanes.values()) {
      const kept: Entry<T>[] = [];
      for (const entry of lane.items.slice(lane.head)) {
        if (entry === undefined) continue;
        if (!isGone(entry.item)) {
          kept.push(entry);
          continue;
        }
        gone.push(entry.item);
        lane.weight -= entry.weight;
        this.#weight -= entry.weight;
        this.#size -= 1;
      }
      lane.items.splice(0, lane.items.length, ...kept);
      lane.head = 0;
      if (kept.length === 0) this.#close(lane);
    }
    return gone;
  }

  remove(owner: string, item: T): void {
    const lane = this.#lanes.get(owner);
    const at = lane?.items.findIndex((entry) => entry?.item === item) ?? -1;
    const entry = lane?.items[at];
    if (lane === undefined || entry === undefined) return;
    lane.items.splice(at, 1);
    lane.weight -= entry.weight;
    this.#weight -= entry.weight;
    this.#size -= 1;
    if (lane.items.length === lane.head) this.#close(lane);
  }

  #rotate(lane: Lane<T>): void {
    if (this.#turns.length === 1) return;
    this.#turns.shift();
    this.#turns.push(lane);
  }

  #remove(lane: Lane<T>, weight: number): void {
    lane.items[lane.head] = undefined;
    lane.head += 1;
    lane.credit -= weight;
    lane.weight -= weight;
    this.#weight -= weight;
    this.#size -= 1;
    if (lane.head === lane.items.length) this.#close(lane);
    else {
      if (lane.head >= CUT) {
        lane.items.splice(0, lane.head);
        lane.head = 0;
      }
      if (lane.credit <= 0) {
        lane.credit += this.#quantum;
        this.#rotate(lane);
      }
    }
  }

  #close(lane: Lane<T>): void {
    this.#lanes.delete(lane.owner);
    this.#turns = this.#turns.filter((other) => other !== lane);
  }
}
