import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { type DiscoveryOptions, createDiscovery } from '../../src/catalog/discovery.ts';
import { DrawbridgeError } from '../../src/errors.ts';
import type { NewPin } from '../../src/catalog/saved-listings.ts';
import type { PinRow } from '../../src/store/listing-store.ts';
import type {
  ServerListing,
  UpstreamConfig,
  UpstreamEvent,
  Upstreams,
} from '../../src/upstreams/upstream.ts';
import { listing, upstreamConfig } from '../support/listings.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Servers that answer, refuse or stay silent as the test says. */
function build(
  answer: (name: string, attempt: number) => Promise<ServerListing>,
  store: Partial<DiscoveryOptions['store']> = {},
) {
  const asked: string[] = [];
  const listeners: ((event: UpstreamEvent) => void)[] = [];
  const upstreams: Pick<Upstreams, 'discover' | 'subscribe'> = {
    discover(name) {
      asked.push(name);
      return answer(name, asked.filter((each) => each === name).length);
    },
    subscribe(listener) {
      listeners.push(listener);
      return () => undefined;
    },
  };
  const catalog = createCatalog();
  const changes: string[] = [];
  const discovery = createDiscovery({
    catalog,
    upstreams: upstreams as Upstreams, // the two that discovery uses
    store: {
      find: async () => undefined,
      pins: async () => [],
      save: async () => undefined,
      ...store,
    },
    shipped: (config) => (config.builtin ? listing({ tools: ['shipped'] }) : undefined),
    onChange: ({ upstream }) => changes.push(upstream),
    logger: pino({ level: 'silent' }),
  });
  const configure = async (configs: UpstreamConfig[]): Promise<void> => {
    await catalog.configure({ upstreams: configs, toolsets: {} });
    await discovery.configure(configs);
  };
  const tools = () => catalog.list({ kind: 'all' }).tools.map(({ name }) => name);
  /** The server tells unasked what it offers, started with the settings of this fingerprint. */
  const offer = async (name: string, offered: ServerListing, fingerprint = name): Promise<void> => {
    for (const listener of listeners)
      listener({ kind: 'offer', name, fingerprint, listing: offered });
    await vi.advanceTimersByTimeAsync(60_000);
  };
  return { asked, changes, configure, discovery, tools, catalog, offer };
}

async function down(): Promise<never> {
  throw new DrawbridgeError('upstream/start_failed', 'it is down');
}

test('a built-in server is listed without being started', async () => {
  const { asked, configure, discovery, tools } = build(down);
  await configure([upstreamConfig('own', { builtin: true })]);
  await discovery.ready();
  expect(tools()).toEqual(['own__shipped']);
  expect(asked).toEqual([]);
});

test('a list waits for unknown servers, five seconds at most', async () => {
  const { configure, discovery, tools } = build((name) =>
    name === 'silent' ? new Promise(() => undefined) : Promise.resolve(listing({ tools: ['a'] })),
  );
  await configure([upstreamConfig('silent'), upstreamConfig('quick')]);
  const isReady = vi.fn<() => void>();
  const waiting = discovery.ready().then(isReady);
  await vi.advanceTimersByTimeAsync(4_900);
  expect(isReady).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  await waiting;
  expect(tools()).toEqual(['quick__a']);
});

test('two servers are asked at a time', async () => {
  const answers: ((offered: ServerListing) => void)[] = [];
  const { asked, configure } = build(() => new Promise((resolve) => answers.push(resolve)));
  await configure(['a', 'b', 'c'].map((name) => upstreamConfig(name)));
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['a', 'b']);
  answers[0]?.(listing({}));
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['a', 'b', 'c']);
});

test('a server that is down is asked again until it lists its tools', async () => {
  const { asked, changes, configure, discovery, tools, catalog } = build((_name, attempt) =>
    attempt < 3 ? down() : Promise.resolve(listing({ tools: ['late'] })),
  );
  await configure([upstreamConfig('s')]);
  await discovery.ready();
  expect(
    catalog.find({ method: 'tools/call', name: 's__late', params: {}, view: { kind: 'all' } }),
  ).toMatchObject({
    code: -32_603,
    message: expect.stringContaining('The server s is not available'),
    data: { code: 'upstream/unavailable', upstream: 's' },
  });
  await vi.advanceTimersByTimeAsync(25_000);
  expect(asked).toEqual(['s', 's', 's']);
  expect(tools()).toEqual(['s__late']);
  expect(changes).toEqual(['s']);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toHaveLength(3);
});

test('a server that was taken out of the settings is not asked again', async () => {
  const { asked, configure, discovery } = build(down);
  await configure([upstreamConfig('s')]);
  await discovery.ready();
  await configure([]);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toEqual(['s']);
});

describe('the store', () => {
  /** Keeps pins, also those of a listing that it does not keep. */
  const createStore = ({
    kept,
    failures = 0,
  }: { kept?: ServerListing; failures?: number } = {}) => {
    const saved: string[][] = [];
    const pins: PinRow[] = [];
    let left = failures;
    const store: DiscoveryOptions['store'] = {
      find: async () => kept,
      pins: async () => pins,
      async save(_server, _listing, added: readonly NewPin[]) {
        saved.push(added.map(({ entry }) => entry.name));
        for (const { entry, firstSeenAt } of added) {
          const { kind, name, hash } = entry;
          pins.push({ kind, name, hash, approved: false, firstSeenAt });
        }
        left -= 1;
        if (left >= 0) throw new DrawbridgeError('store/unavailable', 'the database is away');
      },
    };
    return { store, saved };
  };
  const tells = (...tools: string[]) => Promise.resolve(listing({ tools }));

  test('takes what is new, with its pins, and the same once', async () => {
    const { store, saved } = createStore();
    const { configure, discovery, offer } = build(() => tells('a'), store);
    await configure([upstreamConfig('s')]);
    await discovery.ready();
    await offer('s', await tells('a'));
    expect(saved).toEqual([['a']]);
    await offer('s', await tells('a', 'b'));
    expect(saved).toEqual([['a'], ['b']]);
  });

  test('takes pins that it misses of a listing that it has', async () => {
    const { store, saved } = createStore({ kept: await tells('a') });
    const { asked, configure, offer } = build(() => tells('a'), store);
    await configure([upstreamConfig('s')]);
    expect([asked, saved]).toEqual([[], []]);
    await offer('s', await tells('a'));
    expect(saved).toEqual([['a']]);
  });

  test('gets again what it could not save', async () => {
    const { store, saved } = createStore({ failures: 1 });
    const { configure, discovery, offer } = build(() => tells('a'), store);
    await configure([upstreamConfig('s')]);
    await discovery.ready();
    await offer('s', await tells('a'));
    expect(saved).toEqual([['a'], []]);
    await offer('s', await tells('a'));
    expect(saved).toHaveLength(2);
  });
});

test('a listing of a server that was started with other settings is not served', async () => {
  const { configure, discovery, offer, tools } = build(() =>
    Promise.resolve(listing({ tools: ['a'] })),
  );
  await configure([upstreamConfig('s', { fingerprint: 'new' })]);
  await discovery.ready();
  await offer('s', listing({ tools: ['old'] }), 'old');
  expect(tools()).toEqual(['s__a']);
});
