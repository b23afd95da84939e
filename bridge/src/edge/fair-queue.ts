// A queue with a lane for each principal, from which they are served in turn: who has one thing to do
// waits for one thing of each other, however many those have.

interface Lane<T> {
  readonly owner: string;
  readonly items: T[];
}

export class FairQueue<T> {
  readonly #lanes: Lane<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  lengthOf(owner: string): number {
    return this.#find(owner)?.items.length ?? 0;
  }

  push(owner: string, item: T): void {
    const lane = this.#find(owner);
    if (lane === undefined) this.#lanes.push({ owner, items: [item] });
    else lane.items.push(item);
    this.#size += 1;
  }

  /** The first item, in turn, that is taken; the lanes whose first item is not are passed over. */
  shift(takes: (item: T, owner: string) => boolean = () => true): T | undefined {
    for (let index = 0; index < this.#lanes.length; index += 1) {
      const lane = this.#lanes[index];
      const item = lane?.items[0];
      if (lane === undefined || item === undefined || !takes(item, lane.owner)) continue;
      lane.items.shift();
      this.#lanes.splice(index, 1);
      if (lane.items.length > 0) this.#lanes.push(lane);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  remove(owner: string, item: T): void {
    const lane = this.#find(owner);
    const index = lane?.items.indexOf(item) ?? -1;
    if (lane === undefined || index === -1) return;
    lane.items.splice(index, 1);
    this.#size -= 1;
    if (lane.items.length === 0) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
  }

  #find(owner: string): Lane<T> | undefined {
    return this.#lanes.find((lane) => lane.owner === owner);
  }
}
