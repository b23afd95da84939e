// The merged catalog: the listings of all servers in a fixed order, and the server behind each name. It
// changes only when a listing, a pin or the settings change. Between changes every list is the same object,
// so lists are cheap and their bytes stable (clients cache prompts by them). A change builds a new catalog
// beside the one in force, in small pieces, and then replaces it. A server that starts with changed settings
// stays listed with its old listing; calls to it wait for the new one.
import type { Call, BridgeRpcError, Target, View } from '../calls/call.ts';
import { inSlices } from '../flow/in-slices.ts';
import type { ServerListing, UpstreamConfig } from '../upstreams/upstream.ts';
import { createAwaitedServers } from './awaited-servers.ts';
import { createChangeNotifier } from './change-notifier.ts';
import { type Merged, mergeServers } from './merge.ts';
import { toNotListed } from './not-found.ts';
import { type Definition, type Entry, type ListingIndex, indexListing } from './listing-index.ts';
import { type PinRecord, recordPins } from './pin-record.ts';
import { type Pin, type PinKey, toPinKey } from './pins.ts';
import { createServerCatalog, type Item, type ServerCatalog } from './server-catalog.ts';
import { type FindableCall, type Listing, createViews } from './views.ts';

export type { Definition, Listing };

export interface Accepted {
  readonly index: ListingIndex;
  /** Definitions to pin, since they were not seen before. */
  readonly unpinned: readonly Entry[];
  /** When each name was first seen, in milliseconds since 1970, by `toEntryKey`. */
  readonly since: ReadonlyMap<string, number>;
}

interface Settings {
  readonly upstreams: readonly UpstreamConfig[];
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
}

export interface Catalog {
  configure(settings: Settings): Promise<void>;
  /**
   * Takes a server's listing; returns what to pin now.
   * @param from the settings that the server ran with; a listing under other settings than the current ones
   * is not served
   */
  accept(from: ServerIdentity, listing: ServerListing, pins: readonly Pin[]): Promise<Accepted>;
  /** Calls no longer wait for this server, whose settings changed: it could not be asked. */
  giveUp(from: ServerIdentity): void;
  /** Serves what an operator approved; the store has the approval already. */
  approve(upstream: string, keys: readonly PinKey[]): Promise<void>;
  has(view: View): boolean;
  list(view: View): Listing;
  /** The tools of a view, each with the server behind it. */
  tools(view: View): readonly { server: string; definition: Definition }[];
  find(call: FindableCall): Target | BridgeRpcError;
  /**
   * For a call to a server whose settings changed: resolves when its new listing is there, or will not be
   * soon. Undefined for any other call.
   */
  changing(call: FindableCall & Pick<Call, 'signal'>): Promise<void> | undefined;
  /** The output schema that the server declared for a tool, for the projection of its result. */
  outputSchema(view: View, name: string): Definition | undefined;
  /** A tool that can be called; undefined where {@link Catalog.find} would tell why not. */
  tool(view: View, name: string): ListedTool | undefined;
  /** Servers whose listing is known. */
  known(): ReadonlySet<string>;
  /** Whether a server is listed, perhaps still with the listing from before its settings changed. */
  isListed(upstream: string): boolean;
  instructions(view: View): string | undefined;
  /** The definitions that a strict pin withholds, in the server's order. */
  withheld(upstream: string): readonly Entry[];
  /** What of a server's listing is not served, and why; sentences for the operator. */
  notes(upstream: string): readonly string[];
  /** Calls back after changes, at most once a second. */
  subscribe(listener: () => void): () => void;
}

/** What a front needs to know of a tool before it calls it. */
export type ListedTool = Pick<Item, 'hasHeaderParams' | 'outputSchema'>;

type ServerIdentity = Pick<UpstreamConfig, 'name' | 'fingerprint'>;

/** The last listing of a server, and the settings that it ran with. */
interface Held {
  readonly fingerprint: string;
  readonly index: ListingIndex;
  readonly pins: PinRecord;
}

export interface CatalogOptions {
  readonly now?: () => number;
}

const NOTHING: Merged = {
  items: { tools: [], prompts: [], resources: [], resourceTemplates: [] },
  claims: {
    tools: new Map(),
    prompts: new Map(),
    resources: new Map(),
    resourceTemplates: new Map(),
  },
  templates: [],
  notes: new Map(),
};

export function createCatalog({ now = Date.now }: CatalogOptions = {}): Catalog {
  let configs = new Map<string, UpstreamConfig>();
  let toolsets: Settings['toolsets'] = {};
  const held = new Map<string, Held>();
  let servers: ReadonlyMap<string, ServerCatalog> = new Map();
  let merged = NOTHING;
  let views = createViews({ servers, merged, configured: configs, toolsets });
  const changes = createChangeNotifier();
  const awaited = createAwaitedServers();
  let changing: Promise<unknown> = Promise.resolve();

  /** One change after the other. */
  const change = <T>(work: () => Promise<T>): Promise<T> => {
    const next = changing.then(work, work);
    changing = next.catch(() => undefined); // `next` rejects for whoever asked for the change
    return next;
  };

  /** Whether the listing of a server is from before its settings changed. */
  const isStale = (server: string): boolean =>
    held.get(server)?.fingerprint !== configs.get(server)?.fingerprint;

  const renewViews = (): void => {
    views = createViews({ servers, merged, configured: configs, toolsets });
  };

  /** Builds the catalogs of these servers anew, merges all, and replaces what is in force. */
  const rebuild = async (names: Iterable<string>): Promise<void> => {
    const next = new Map(servers);
    for (const name of names) {
      const config = configs.get(name);
      const own = held.get(name);
      const isKept = servers.has(name) || !isStale(name);
      if (config === undefined || own === undefined || !isKept) {
        next.delete(name);
      } else {
        next.set(name, await inSlices(createServerCatalog(config, own.index, own.pins)));
      }
    }
    const sorted = new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
    const nextMerged = await inSlices(mergeServers([...sorted.values()]));
    servers = sorted;
    merged = nextMerged;
    renewViews();
    changes.notify();
  };

  return {
    configure(settings) {
      configs = new Map(
        settings.upstreams
          .filter(({ options }) => options.enabled)
          .map((config) => [config.name, config]),
      );
      toolsets = settings.toolsets;
      renewViews();
      awaited.set([...servers.keys()].filter((name) => configs.has(name) && isStale(name)));
      return change(() => rebuild(new Set([...servers.keys(), ...configs.keys()])));
    },
    accept: ({ name: upstream, fingerprint }, listing, pins) =>
      change(async () => {
        const index = await inSlices(indexListing(listing));
        const before = held.get(upstream);
        const known = before?.fingerprint === fingerprint ? before : undefined;
        const record = await inSlices(recordPins({ index, pins, before: known?.pins, now: now() }));
        if (configs.get(upstream)?.fingerprint === fingerprint) {
          held.set(upstream, { fingerprint, index, pins: record });
          const isSame =
            known?.index.hash === index.hash && record.approved.size === known.pins.approved.size;
          if (!isSame || !servers.has(upstream)) await rebuild([upstream]);
          awaited.delete(upstream);
        }
        return { index, unpinned: record.unpinned, since: record.since };
      }),
    approve: (upstream, keys) =>
      change(async () => {
        const own = held.get(upstream);
        if (own === undefined || isStale(upstream)) return;
        const approved = new Set([...own.pins.approved, ...keys.map(toPinKey)]);
        held.set(upstream, { ...own, pins: { ...own.pins, approved } });
        await rebuild([upstream]);
      }),
    giveUp({ name, fingerprint }) {
      if (configs.get(name)?.fingerprint === fingerprint) awaited.delete(name);
    },
    has: (view) => views.has(view),
    list: (view) => views.list(view),
    tools: (view) =>
      views.items(view, 'tools').map((item) => ({
        server: item.server,
        definition: view.kind === 'server' ? item.definition : item.catalogDefinition,
      })),
    find(call) {
      const found = views.locate(call);
      // What the old listing said of the tool, and who approved it, need not hold any more.
      return 'upstream' in found && isStale(found.upstream) ? toNotListed(found.upstream) : found;
    },
    changing(call) {
      if (awaited.size === 0) return undefined;
      const found = views.locate(call);
      return 'upstream' in found ? awaited.wait(found.upstream, call.signal) : undefined;
    },
    outputSchema: (view, name) => views.owner(view, 'tools', name)?.outputSchema,
    tool(view, name) {
      const owner = views.has(view) ? views.owner(view, 'tools', name) : undefined;
      return owner === undefined || isStale(owner.server) ? undefined : owner;
    },
    known: () => new Set([...servers.keys()].filter((name) => !isStale(name))),
    isListed: (upstream) => servers.has(upstream),
    instructions: (view) => views.instructions(view),
    withheld: (upstream) =>
      isStale(upstream) ? [] : [...(servers.get(upstream)?.withheld.values() ?? [])],
    notes(upstream) {
      const notes = held.get(upstream)?.index.notes ?? [];
      const lost = merged.notes.get(upstream);
      return [...notes, ...(lost === undefined ? [] : [lost])];
    },
    subscribe: changes.subscribe,
  };
}
