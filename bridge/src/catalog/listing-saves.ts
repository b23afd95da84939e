// Saves servers' listings and their new pins in the store: at most once a minute a server, and only what the
// store does not have.
import type { Logger } from 'pino';
import type { ServerListing, UpstreamConfig } from '../upstreams/upstream.ts';
import type { Accepted } from './catalog.ts';
import { toEntryKey } from './listing-index.ts';
import { createPacedWork } from './paced-work.ts';
import type { NewPin, SavedListings } from './saved-listings.ts';

export interface ListingSaves {
  /** Tells that the store has the listing with this hash. */
  begin(config: UpstreamConfig, hash: string): void;
  /** Saves a listing that the catalog accepted, now or later. */
  save(config: UpstreamConfig, listing: ServerListing, accepted: Accepted): void;
  /** Saves what is not saved yet. */
  close(): Promise<void>;
}

export interface ListingSavesOptions {
  readonly store: Pick<SavedListings, 'save'>;
  readonly logger: Logger;
}

interface Unsaved {
  readonly config: UpstreamConfig;
  readonly listing: ServerListing;
  readonly pins: readonly NewPin[];
}

const GAP_MS = 60_000;

export function createListingSaves({ store, logger }: ListingSavesOptions): ListingSaves {
  const unsaved = new Map<string, Unsaved>();
  /** By server, the version of the listing that the store has or is about to have. */
  const saved = new Map<string, string>();
  const paced = createPacedWork({
    gapMs: GAP_MS,
    async work(name) {
      const next = unsaved.get(name);
      if (next === undefined) return;
      unsaved.delete(name);
      try {
        await store.save(next.config, next.listing, next.pins);
      } catch (error) {
        saved.delete(name);
        logger.error({ err: error, server: name }, 'a listing could not be kept');
      }
    },
  });

  return {
    begin: (config, hash) => void saved.set(config.name, toVersion(config, hash)),
    save(config, listing, { index, unpinned, since }) {
      const { name } = config;
      const version = toVersion(config, index.hash);
      if (saved.get(name) === version && unpinned.length === 0) return;
      saved.set(name, version);
      const fresh = unpinned.map((entry) => ({
        entry,
        firstSeenAt: since.get(toEntryKey(entry)) ?? Date.now(),
      }));
      unsaved.set(name, { config, listing, pins: fresh });
      paced.due(name);
    },
    close: paced.close,
  };
}

/** A listing counts as another one under other settings. */
function toVersion({ fingerprint }: UpstreamConfig, hash: string): string {
  return `${fingerprint} ${hash}`;
}
