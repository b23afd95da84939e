// Fills the catalog: built-in servers from their shipped definitions, known ones from their last listing,
// the others by starting them, two at a time. Lists wait for those 5 s at most; what comes later is announced
// as a change. A server that fails is asked again (retries.ts). A new listing is served at once; the store
// and the log take it at most once a minute (listing-saves.ts, change-log.ts).
import type { Logger } from 'pino';
import { toMessage } from '../errors.ts';
import type { ServerListing, UpstreamConfig, Upstreams } from '../upstreams/upstream.ts';
import type { Catalog } from './catalog.ts';
import { type CatalogChange, createChangeLog } from './change-log.ts';
import { createListingSaves } from './listing-saves.ts';
import { createRetries } from './retries.ts';
import type { SavedListings } from './saved-listings.ts';
import { waitAtMost } from '../bounded-wait.ts';

const AT_ONCE = 2;
const LIST_WAITS_MS = 5_000;

export interface DiscoveryOptions {
  readonly catalog: Catalog;
  readonly upstreams: Upstreams;
  readonly store: Pick<SavedListings, 'find' | 'pins' | 'save'>;
  /** The definitions that ship with a built-in server; undefined for any other server. */
  readonly shipped: (config: UpstreamConfig) => ServerListing | undefined;
  /** Takes out what not everybody may see. */
  readonly redactListing?: (name: string, listing: ServerListing) => Promise<ServerListing>;
  /** Called at most once a minute for each server. */
  readonly onChange: (change: CatalogChange) => void;
  readonly logger: Logger;
}

export interface Discovery {
  /** Takes over the settings' servers; returns before unknown ones have answered. */
  configure(configs: readonly UpstreamConfig[]): Promise<void>;
  /** Resolves when all servers have answered or failed, or after 5 s. */
  ready(): Promise<void>;
  /** Tells and saves what is not told or saved yet. */
  close(): Promise<void>;
}

export function createDiscovery({
  catalog,
  upstreams,
  store,
  shipped,
  redactListing = (_name, listing) => Promise.resolve(listing),
  onChange,
  logger,
}: DiscoveryOptions): Discovery {
  let configs = new Map<string, UpstreamConfig>();
  let pending: Promise<void> = Promise.resolve();
  let isSettled = true;
  const stopping = new AbortController();
  const noted = new Map<string, string>();
  const taken = new WeakMap<ServerListing, Promise<void>>();

  const changes = createChangeLog({ tell: onChange });
  const saves = createListingSaves({ store, logger });
  const retries = createRetries((name) => {
    if (configs.has(name) && !catalog.known().has(name)) void discover([name]);
  });

  /** Says once what of a listing is not served. */
  const noteIssues = (name: string): void => {
    const notes = catalog.notes(name);
    const text = notes.join('\n');
    if (text !== '' && noted.get(name) !== text) {
      logger.warn({ server: name, notes }, `not all that ${name} offers is served`);
    }
    noted.set(name, text);
  };

  const accept = async (config: UpstreamConfig, received: ServerListing): Promise<void> => {
    const { name } = config;
    const listing = await redactListing(name, received);
    const pins = await store.pins(config);
    const accepted = await catalog.accept(config, listing, pins);
    // When the settings changed meanwhile, this listing is of no use any more.
    if (configs.get(name)?.fingerprint !== config.fingerprint) return;
    changes.note(name, accepted.index);
    noteIssues(name);
    saves.save(config, listing, accepted);
  };

  /** A listing comes as an event and as an answer; it is accepted once. */
  const take = (config: UpstreamConfig, listing: ServerListing): Promise<void> => {
    const taking = taken.get(listing) ?? accept(config, listing);
    taken.set(listing, taking);
    return taking;
  };

  const unsubscribe = upstreams.subscribe((event) => {
    if (event.kind !== 'offer') return;
    const config = configs.get(event.name);
    if (config?.fingerprint !== event.fingerprint) return;
    take(config, event.listing).catch((error: unknown) =>
      logger.error({ err: error, server: event.name }, 'a listing could not be taken'),
    );
  });

  const discover = async (names: string[]): Promise<void> => {
    const work = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const config = configs.get(name);
        if (config === undefined) continue;
        try {
          await take(config, await upstreams.discover(name, stopping.signal));
        } catch (error) {
          // A change of its settings asks it again.
          if (configs.get(name)?.fingerprint !== config.fingerprint) continue;
          catalog.giveUp(config);
          logger.warn(
            { server: name },
            `${name} could not be asked what it offers: ${toMessage(error)}`,
          );
          if (!stopping.signal.aborted) retries.plan(name);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };

  /** Serves what is known of a server without asking it; false when that is nothing. */
  const recall = async (config: UpstreamConfig): Promise<boolean> => {
    const { name } = config;
    try {
      const stored = await store.find(config);
      // Settings may name other secrets than when the listing was stored.
      const kept = stored && (await redactListing(name, stored));
      const known = shipped(config) ?? kept;
      if (known === undefined) return false;
      const { index } = await catalog.accept(config, known, await store.pins(config));
      if (known === kept) saves.begin(config, index.hash);
      changes.begin(name, index);
      noteIssues(name);
      return true;
    } catch (error) {
      // The server is asked anew, and the other servers are served.
      logger.error({ err: error, server: name }, 'what a server offered could not be read');
      return false;
    }
  };

  return {
    async configure(next) {
      retries.clear();
      configs = new Map(
        next.filter(({ options }) => options.enabled).map((config) => [config.name, config]),
      );
      const unknown: string[] = [];
      for (const config of configs.values()) {
        if (!(await recall(config))) unknown.push(config.name);
      }
      // What a server offered before its settings changed is listed, and not waited for.
      isSettled = unknown.every((name) => catalog.isListed(name));
      const begun = Promise.all([pending, discover(unknown)]).then(() => {
        if (pending === begun) isSettled = true;
      });
      pending = begun;
    },
    async ready() {
      if (!isSettled) await waitAtMost(pending, LIST_WAITS_MS);
    },
    async close() {
      stopping.abort();
      retries.clear();
      unsubscribe();
      await changes.close();
      await saves.close();
    },
  };
}
