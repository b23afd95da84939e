// Compares a server's listing with its stored pins: what is approved, when each name was first seen, and what
// is not pinned yet.
import { type Entry, type ListingIndex, toEntryKey } from './listing-index.ts';
import { type Pin, toPinKey } from './pins.ts';
import type { KnownPins } from './server-catalog.ts';

export interface PinRecord extends KnownPins {
  readonly unpinned: readonly Entry[];
}

export interface RecordPinsOptions {
  readonly index: ListingIndex;
  /** As the store has them. */
  readonly pins: readonly Pin[];
  /** The record of the server's listing before this one, whose names may not be stored yet. */
  readonly before: KnownPins | undefined;
  readonly now: number;
}

export function* recordPins({
  index,
  pins,
  before,
  now,
}: RecordPinsOptions): Generator<undefined, PinRecord> {
  const approved = new Set<string>();
  const stored = new Set<Entry>();
  const since = new Map<string, number>();
  for (const pin of pins) {
    yield;
    // A server that changes its names has many pins of names that are gone.
    const name = toEntryKey(pin);
    const entry = index.entries.get(name);
    if (entry === undefined) continue;
    since.set(name, Math.min(since.get(name) ?? Number.POSITIVE_INFINITY, pin.firstSeenAt));
    if (entry.hash !== pin.hash) continue;
    stored.add(entry);
    if (pin.approved) approved.add(toPinKey(pin));
  }
  const unpinned: Entry[] = [];
  for (const [key, entry] of index.entries) {
    yield;
    if (!since.has(key)) since.set(key, before?.since.get(key) ?? now);
    if (!stored.has(entry)) unpinned.push(entry);
  }
  return { approved, since, unpinned };
}
