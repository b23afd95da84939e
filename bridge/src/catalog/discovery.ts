// Fills the catalog: built-in servers from their shipped definitions, known ones from their last
// offer, the others by starting them, two at a time. A list waits for those a little; what comes
// later is announced as a change. One that fails is asked again, less and less often.
import type { Logger } from 'pino';
import { toMessage } from '../errors.ts';
import type { Offer, UpstreamConfig, Upstreams } from '../upstreams/upstream.ts';
import type { Catalog, OfferChange } from './catalog.ts';
import type { OfferStore } from './offer-store.ts';

const AT_ONCE = 2;
const LIST_WAITS_MS = 5_000;
const ASK_AGAIN_MS = [5_000, 15_000, 60_000, 300_000];

export interface DiscoveryOptions {
  readonly catalog: Catalog;
  readonly upstreams: Upstreams;
  readonly store: OfferStore;
  /** The definitions that ship with a built-in server. */
  readonly shipped: (config: UpstreamConfig) => Offer | undefined;
  /** Takes out what not everybody may see. */
  readonly redactOffer?: (name: string, offer: Offer) => Promise<Offer>;
  readonly onChange: (upstream: string, change: OfferChange['change']) => void;
  readonly logger: Logger;
}

export interface Discovery {
  /** Takes over the settings' servers; returns before unknown ones have answered. */
  configure(configs: readonly UpstreamConfig[]): Promise<void>;
  /** Resolves when all servers have answered or failed, or after 5 s. */
  ready(): Promise<void>;
  close(): void;
}

export function createDiscovery({
  catalog,
  upstreams,
  store,
  shipped,
  redactOffer = (_name, offer) => Promise.resolve(offer),
  onChange,
  logger,
}: DiscoveryOptions): Discovery {
  let configs = new Map<string, UpstreamConfig>();
  let pending: Promise<void> = Promise.resolve();
  let isSettled = true;
  const stopping = new AbortController();
  const retries = new Map<string, { attempt: number; timer: NodeJS.Timeout }>();

  const take = async (name: string, received: Offer): Promise<void> => {
    const config = configs.get(name);
    if (config === undefined) return;
    const offer = await redactOffer(name, received);
    const { pins } = await store.load(config);
    const { change, unpinned } = catalog.accept(name, offer, pins);
    await store.save(config, offer, unpinned);
    if (change.added.length + change.removed.length + change.changed.length > 0)
      onChange(name, change);
  };

  const unsubscribe = upstreams.subscribe((event) => {
    if (event.kind !== 'offer') return;
    take(event.name, event.offer).catch((error: unknown) =>
      logger.error({ err: error, server: event.name }, 'an offer could not be kept'),
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
        try {
          await take(name, await upstreams.discover(name, stopping.signal));
        } catch (error) {
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

  return {
    async configure(next) {
      forgetRetries();
      configs = new Map(
        next.filter(({ options }) => options.enabled).map((config) => [config.name, config]),
      );
      const unknown: string[] = [];
      for (const config of configs.values()) {
        const { offer, pins } = await store.load(config);
        // What is a secret may have changed since it was kept.
        const known = shipped(config) ?? (offer && (await redactOffer(config.name, offer)));
        if (known === undefined) unknown.push(config.name);
        else catalog.accept(config.name, known, pins);
      }
      isSettled = unknown.length === 0;
      const begun = Promise.all([pending, discover(unknown)]).then(() => {
        if (pending === begun) isSettled = true;
      });
      pending = begun;
    },
    async ready() {
      if (isSettled) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LIST_WAITS_MS);
      });
      await Promise.race([pending, late]);
      clearTimeout(timer);
    },
    close() {
      stopping.abort();
      forgetRetries();
      unsubscribe();
    },
  };
}
