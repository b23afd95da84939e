// One list of a server as it is taken: bounded in number and size, each entry under a name that can be
// shown and stored, each name once. What is left out is counted and named, a few of each reason.
import { toJsonSize } from '../json-size.ts';

export type ListEntry = Record<string, unknown>;

/** Of one list. */
export const MAX_ENTRIES = 20_000;
const ENTRY_LIMITS = { size: 256 * 1024, depth: 128 };
const MAX_NAME = 256;
const MAX_URI = 4_096;
/** Control characters, halves of surrogate pairs, and marks that break lines or turn the direction of text. */
const UNFIT = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const NAMED = 5;
const NAMED_CHARACTERS = 80;

/** Bytes that all lists of one server may take together. */
export class ListingBudget {
  #left = 64 * 1024 * 1024;

  take(size: number): boolean {
    if (size > this.#left) return false;
    this.#left -= size;
    return true;
  }
}

export interface BoundedListOptions {
  /** What the list holds, in the plural. */
  readonly key: string;
  /** The property that names an entry. */
  readonly id: string;
  readonly budget: ListingBudget;
}

export class BoundedList {
  readonly entries: ListEntry[] = [];
  readonly #options: BoundedListOptions;
  readonly #names = new Set<string>();
  readonly #leftOut = new Map<string, { count: number; names: string[] }>();

  constructor(options: BoundedListOptions) {
    this.#options = options;
  }

  /** False when the list takes no more. */
  add(entry: unknown): boolean {
    if (this.entries.length >= MAX_ENTRIES) {
      this.#leave(`over ${MAX_ENTRIES} entries`, entry);
      return false;
    }
    const issue = this.#toIssue(entry);
    if (issue !== undefined) {
      this.#leave(issue, entry);
      return true;
    }
    const size = toJsonSize(entry, ENTRY_LIMITS);
    if (size === undefined) {
      this.#leave('larger than 256 KiB or nested deeper than 128 levels', entry);
      return true;
    }
    if (!this.#options.budget.take(size)) {
      this.#leave('over 64 MiB of lists', entry);
      return false;
    }
    // An object by the test in #toIssue.
    const sound = entry as ListEntry;
    this.#names.add(String(sound[this.#options.id]));
    this.entries.push(sound);
    return true;
  }

  /** Sentences for the operator. */
  notes(): string[] {
    const { key } = this.#options;
    return [...this.#leftOut].map(([why, { count, names }]) => {
      const more = count > names.length ? ', …' : '';
      const named = names.length === 0 ? '' : ` (${names.join(', ')}${more})`;
      return `${key} left out, ${why}: ${count}${named}`;
    });
  }

  #toIssue(entry: unknown): string | undefined {
    const name = this.#toName(entry);
    const { id } = this.#options;
    if (name === undefined) return `without a ${id}`;
    if (name.trim() === '') return `with an empty ${id}`;
    const most = id === 'name' ? MAX_NAME : MAX_URI;
    if (name.length > most) return `with a ${id} over ${most} characters`;
    if (UNFIT.test(name)) return `with characters in the ${id} that cannot be shown`;
    return this.#names.has(name) ? `with the ${id} of another one` : undefined;
  }

  #toName(entry: unknown): string | undefined {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
    const name = (entry as ListEntry)[this.#options.id]; // an object by the line above
    return typeof name === 'string' ? name : undefined;
  }

  #leave(why: string, entry: unknown): void {
    const left = this.#leftOut.get(why) ?? { count: 0, names: [] };
    this.#leftOut.set(why, left);
    left.count += 1;
    const name = this.#toName(entry);
    if (name === undefined || left.names.length === NAMED) return;
    left.names.push(JSON.stringify(name.slice(0, NAMED_CHARACTERS)));
  }
}
