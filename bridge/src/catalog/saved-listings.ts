// Servers' listings and pins in the store. With a stored listing a server is listed without being started.
import { inSlices } from '../flow/in-slices.ts';
import type { ListingStore, NewPin, ServerKey } from '../store/listing-store.ts';
import type { ServerListing } from '../upstreams/upstream.ts';
import { type Definition, type Entry, toEntryKey } from './listing-index.ts';

export type { NewPin, ServerKey };

export interface SavedListings extends Pick<ListingStore, 'pins' | 'approve'> {
  find(server: ServerKey): Promise<ServerListing | undefined>;
  save(server: ServerKey, listing: ServerListing, pins: readonly NewPin[]): Promise<void>;
  /** The definitions approved last under the names of these entries, by `toEntryKey`. */
  approvedBefore(
    server: ServerKey,
    entries: readonly Entry[],
  ): Promise<ReadonlyMap<string, Definition>>;
}

export function createSavedListings(store: ListingStore): SavedListings {
  return {
    pins: store.pins,
    approve: store.approve,
    async find(server) {
      return (await store.find(server)) as ServerListing | undefined; // written by save, from a ServerListing
    },
    async save(server, listing, pins) {
      const text = await inSlices(writeListing(listing));
      await store.save(server, { ...listing.serverInfo, text }, pins);
    },
    async approvedBefore(server, entries) {
      const rows = await store.approvedBefore(server, entries);
      return new Map(rows.map((row) => [toEntryKey(row), row.definition]));
    },
  };
}

/** The listing as JSON, written entry by entry. */
function* writeListing(listing: ServerListing): Generator<undefined, string> {
  const { tools, resources, resourceTemplates, prompts, ...rest } = listing;
  const parts = [JSON.stringify(rest).slice(0, -1)];
  for (const [key, entries] of Object.entries({ tools, resources, resourceTemplates, prompts })) {
    parts.push(`,"${key}":[`);
    for (const [index, entry] of entries.entries()) {
      parts.push(index === 0 ? JSON.stringify(entry) : `,${JSON.stringify(entry)}`);
      yield;
    }
    parts.push(']');
  }
  return `${parts.join('')}}`;
}
