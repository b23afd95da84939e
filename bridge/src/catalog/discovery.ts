// Fills the catalog: built-in servers from their shipped definitions, known ones from their last
// listing, the others by starting them, two at a time. A list waits for those a little; what comes
// later is announced as a change. One that fails is asked again, less and less often. What a server
// offers is served at once; the store and the log take it at most once a minute.
import type { Logger } from 'pino';
import { toMessage } from '../errors.ts';
import type { ServerListing, UpstreamConfig, Upstreams } from '../upstreams/upstream.ts';
import type { Catalog } from './catalog.ts';
import { type CatalogChange, createChangeLog } from './change-log.ts';
import { toEntryKey } from './listing-index.ts';
import type { NewPin, SavedListings } from './saved-listings.ts';
import { createPacedWork } from './paced-work.ts';
import { waitAtMost } from '../bounded-wait.ts';

const AT_ONCE = 2;
const LIST_WAITS_MS = 5_000;
const ASK_AGAIN_MS = [5_000, 15_000, 60_000, 300_000];

export interface DiscoveryOptions {
  readonly catalog: Catalog;
  readonly upstreams: Upstreams;
  readonly store: Pick<SavedListings, 'find' | 'pins' | 'save'>;
  /** The definitions that ship with a built-in server. */
  readonly shipped: (config: UpstreamConfig) => ServerListing | undefined;
  /** Takes out what not everybody may see. */
  readonly redactListing?: (name: string, listing: ServerListing) => Promise<ServerListing>;
  /** At most once a minute a server. */
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

interface Unsaved {
  readonly config: UpstreamConfig;
  readonly listing: ServerListing;
  readonly pins: readonly NewPin[];
}

const SAVE_GAP_MS = 60_000;

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
  const retries = new Map<string, { attempt: number; timer: NodeJS.Timeout }>();

  const unsaved = new Map<string, Unsaved>();
  /** Configuration and hash of the listing that the store has, or is about to have. */
  const saved = new Map<string, string>();
  const noted = new Map<string, string>();
  const taken = new WeakMap<ServerListing, Promise<void>>();

  const changes = createChangeLog({ tell: onChange });
  const saves = createPacedWork({
    gapMs: SAVE_GAP_MS,
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
    const { index, unpinned, since } = await catalog.accept(config, listing, pins);
    // Its settings may have changed meanwhile: what it offered before is nobody's business any more.
    if (configs.get(name)?.fingerprint !== config.fingerprint) return;
    changes.note(name, index);
    noteIssues(name);
    const version = `${config.fingerprint} ${index.hash}`;
    if (saved.get(name) === version && unpinned.length === 0) return;
    saved.set(name, version);
    const fresh = unpinned.map((entry) => ({
      entry,
      firstSeenAt: since.get(toEntryKey(entry)) ?? Date.now(),
    }));
    unsaved.set(name, { config, listing, pins: fresh });
    saves.due(name);
  };

  /** A listing comes as an event and as an answer; it is taken once. */
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

  /** No call leads to a server that has told nothing, so nothing else would start it again. */
  const askAgain = (name: string): void => {
    if (stopping.signal.aborted) return;
    const { attempt = 0 } = retries.get(name) ?? {};
    const wait = ASK_AGAIN_MS[Math.min(attempt, ASK_AGAIN_MS.length - 1)];
    const timer = setTimeout(() => {
      if (configs.has(name) && !catalog.known().has(name)) void discover([name]);
    }, wait).unref();
    retries.set(name, { attempt: attempt + 1, timer });
  };

  const forgetRetries = (): void => {
    for (const { timer } of retries.values()) clearTimeout(timer);
    retries.clear();
  };

  const discover = async (names: string[]): Promise<void> => {
    const work = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const config = configs.get(name);
        if (config === undefined) continue;
        try {
          await take(config, await upstreams.discover(name, stopping.signal));
        } catch (error) {
          // Whoever changed its settings has it asked again.
          if (configs.get(name)?.fingerprint !== config.fingerprint) continue;
          catalog.giveUp(config);
          logger.warn(
            { server: name },
            `${name} could not be asked what it offers: ${toMessage(error)}`,
          );
          askAgain(name);
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
      // What is a secret may have changed since it was kept.
      const kept = stored && (await redactListing(name, stored));
      const known = shipped(config) ?? kept;
      if (known === undefined) return false;
      const { index } = await catalog.accept(config, known, await store.pins(config));
      if (known === kept) saved.set(name, `${config.fingerprint} ${index.hash}`);
      changes.begin(name, index);
      noteIssues(name);
      return true;
    } catch (error) {
      // It is asked anew, and the other servers are served.
      logger.error({ err: error, server: name }, 'what a server offered could not be read');
      return false;
    }
  };

  return {
    async configure(next) {
      forgetRetries();
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
      forgetRetries();
      unsubscribe();
      await changes.close();
      await saves.close();
    },
  };
}
