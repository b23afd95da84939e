// Events that wait for something before they can be queued: a large body that is worked through, or is
// on its way to the store. What comes after such an event in its run waits for it, because the events of
// a run keep their order.
import type { EventText } from './event-text.ts';

interface Unready {
  readonly runId: string;
}

interface Place<T> {
  readonly entry: T;
  /** Undefined while it is not ready; null when it failed. */
  event: EventText | null | undefined;
}

export interface UnreadyOptions<T> {
  /** Called in the order in which the entries of a run were added. */
  readonly enter: (entry: T, event: EventText) => void;
  readonly fail: (entry: T, error: unknown) => void;
}

export class UnreadyEvents<T extends Unready> {
  readonly #options: UnreadyOptions<T>;
  readonly #runs = new Map<string, Place<T>[]>();
  readonly #working = new Set<Promise<void>>();

  constructor(options: UnreadyOptions<T>) {
    this.#options = options;
  }

  /** Whether an event of this run waits. */
  has(runId: string): boolean {
    return this.#runs.has(runId);
  }

  /** @param event what is to be entered, perhaps later; where it fails, the entry is rejected */
  add(entry: T, event: EventText | Promise<EventText>): void {
    const place: Place<T> = { entry, event: undefined };
    const places = this.#runs.get(entry.runId);
    if (places === undefined) this.#runs.set(entry.runId, [place]);
    else places.push(place);
    if (event instanceof Promise) this.#await(place, event);
    else place.event = event;
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  #await(place: Place<T>, event: Promise<EventText>): void {
    const working = event
      .then(
        (ready) => {
          place.event = ready;
        },
        (error: unknown) => {
          place.event = null;
          this.#options.fail(place.entry, error);
        },
      )
      .then(() => {
        this.#working.delete(working);
        this.#advance(place.entry.runId);
      });
    this.#working.add(working);
  }

  #advance(runId: string): void {
    const places = this.#runs.get(runId);
    while (places?.[0]?.event !== undefined) {
      const place = places.shift();
      if (place?.event) this.#options.enter(place.entry, place.event);
    }
    if (places?.length === 0) this.#runs.delete(runId);
  }
}
