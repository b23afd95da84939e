// The merged catalog: what all servers listing under one roof, in a fixed order, and which server is
// behind a name. It changes only when an listing, a pin or the settings change; between changes every list
// is the same object, so lists are cheap and their bytes stable (clients cache prompts by them). Changes
// are made beside the catalog in force, in small pieces, and taken over at once. What a server offered
// stays listed while it starts with changed settings; calls wait until it has told what it offers now.
import type { Call, BridgeRpcError, Target, View } from '../calls/call.ts';
import { inSlices } from '../in-slices.ts';
import type { ServerListing, UpstreamConfig } from '../upstreams/upstream.ts';
import { createAwaitedServers } from './awaited-servers.ts';
import { createBell } from './bell.ts';
import { type ItemKind, type Merged, itemKinds, mergeShelves } from './merge.ts';
import { fitsPattern, toCatalogName } from './names.ts';
import { type Definition, type Entry, type ListingIndex, indexListing } from './listing-index.ts';
import { type PinRecord, recordPins } from './pin-record.ts';
import { type Pin, type PinKey, toPinKey } from './pins.ts';
import { createServerCatalog, type Item, type ServerCatalog } from './server-catalog.ts';

export type { Definition };

/** What a view offers, ready to be listed. */
export type Listing = Readonly<Record<ItemKind, readonly Definition[]>>;

export interface Accepted {
  readonly index: ListingIndex;
  /** Definitions to pin, since they were not seen before. */
  readonly unpinned: readonly Entry[];
  /** When each name was first seen, by `toEntryKey`. */
  readonly since: ReadonlyMap<string, number>;
}

interface Settings {
  readonly upstreams: readonly UpstreamConfig[];
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
}

export interface Catalog {
  configure(settings: Settings): Promise<void>;
  /**
   * Takes what a server offers; tells what to pin now.
   * @param from the settings under which it said so; nothing is served of what others have replaced
   */
  accept(from: ServerIdentity, listing: ServerListing, pins: readonly Pin[]): Promise<Accepted>;
  /** A server with changed settings does not tell what it offers, for now. */
  giveUp(from: ServerIdentity): void;
  /** Lets through what an operator approved; the store has it already. */
  approve(upstream: string, keys: readonly PinKey[]): Promise<void>;
  has(view: View): boolean;
  list(view: View): Listing;
  /** The tools of a view, each with the server behind it. */
  tools(view: View): readonly { server: string; definition: Definition }[];
  find(call: FindableCall): Target | BridgeRpcError;
  /**
   * Resolves when the server behind a call, whose settings changed, has told what it offers now, or will
   * not soon; undefined for any other call.
   */
  changing(call: FindableCall & Pick<Call, 'signal'>): Promise<void> | undefined;
  /** The output schema of a tool as it was offered, for the projection of its result. */
  outputSchema(view: View, name: string): Definition | undefined;
  /** A tool that can be called; undefined where {@link Catalog.find} would tell why not. */
  tool(view: View, name: string): OfferedTool | undefined;
  /** Servers whose listing is known. */
  known(): ReadonlySet<string>;
  /** Whether anything of a server is listed; it may be what it offered before its settings changed. */
  isListed(upstream: string): boolean;
  instructions(view: View): string | undefined;
  /** What a strict pin keeps back, in the server's order. */
  withheld(upstream: string): readonly Entry[];
  /** What of a server's listing is not served, and why, in words for the operator. */
  notes(upstream: string): readonly string[];
  /** Told of changes, at most once a second. */
  subscribe(listener: () => void): () => void;
}

/** A tool, as far as a front looks at it before it calls it. */
export type OfferedTool = Pick<Item, 'hasHeaderParams' | 'outputSchema'>;

type ServerIdentity = Pick<UpstreamConfig, 'name' | 'fingerprint'>;
type FindableCall = Pick<Call, 'method' | 'name' | 'params' | 'view'>;

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
  const offers = new Map<string, Held>();
  let shelves: ReadonlyMap<string, ServerCatalog> = new Map();
  let merged = NOTHING;
  const listings = new Map<string, Listing>();
  const bell = createBell();
  const awaited = createAwaitedServers();
  let changing: Promise<unknown> = Promise.resolve();

  /** One change after the other. */
  const change = <T>(work: () => Promise<T>): Promise<T> => {
    const next = changing.then(work, work);
    changing = next.catch(() => undefined); // told to whoever asked for the change
    return next;
  };

  /** Whether what is listed of a server is what it offered under other settings. */
  const isStale = (server: string): boolean =>
    offers.get(server)?.fingerprint !== configs.get(server)?.fingerprint;

  /** Makes the shelves of these servers anew, and takes the whole over. */
  const rebuild = async (names: Iterable<string>): Promise<void> => {
    const next = new Map(shelves);
    for (const name of names) {
      const config = configs.get(name);
      const held = offers.get(name);
      const isKept = shelves.has(name) || !isStale(name);
      if (config === undefined || held === undefined || !isKept) {
        next.delete(name);
      } else {
        next.set(name, await inSlices(createServerCatalog(config, held.index, held.pins)));
      }
    }
    const sorted = new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
    const together = await inSlices(mergeShelves([...sorted.values()]));
    shelves = sorted;
    merged = together;
    listings.clear();
    bell.ring();
  };

  const hasView = (view: View): boolean =>
    view.kind === 'all' ||
    (view.kind === 'server' ? configs.has(view.name) : Object.hasOwn(toolsets, view.name));

  const shelvesOf = (view: View): ServerCatalog[] => {
    if (view.kind !== 'server') return [...shelves.values()];
    const serverCatalog = shelves.get(view.name);
    return serverCatalog === undefined ? [] : [serverCatalog];
  };

  const admits = (view: View, catalogName: string): boolean =>
    view.kind !== 'toolset' ||
    (toolsets[view.name] ?? []).some((pattern) => fitsPattern(pattern, catalogName));

  /** Whether a view has the resources of a server. */
  const touches = (view: View, server: string): boolean =>
    view.kind === 'toolset'
      ? (toolsets[view.name] ?? []).some((pattern) => pattern === '*' || pattern === `${server}__*`)
      : view.kind === 'all' || view.name === server;

  /** Who has a name or URI in a view. */
  const ownerOf = (view: View, kind: ItemKind, name: string): Item | undefined => {
    if (view.kind === 'server') return shelves.get(view.name)?.[kind].get(name);
    const claims = merged.claims[kind].get(name);
    if (kind === 'resources' || kind === 'resourceTemplates') {
      return claims?.find(({ server }) => touches(view, server));
    }
    const [owner] = claims ?? [];
    return owner !== undefined && admits(view, name) ? owner : undefined;
  };

  const itemsOf = (view: View, kind: ItemKind): readonly Item[] =>
    view.kind === 'server'
      ? [...(shelves.get(view.name)?.[kind].values() ?? [])]
      : merged.items[kind].filter((item) => ownerOf(view, kind, item.catalogName) === item);

  const listingOf = (view: View): Listing => {
    const key = view.kind === 'all' ? 'all' : `${view.kind}/${view.name}`;
    let held = listings.get(key);
    if (held === undefined) {
      const [tools = [], prompts = [], resources = [], resourceTemplates = []] = itemKinds.map(
        (kind) =>
          itemsOf(view, kind).map((item) =>
            view.kind === 'server' ? item.definition : item.catalogDefinition,
          ),
      );
      held = { tools, prompts, resources, resourceTemplates };
      listings.set(key, held);
    }
    return held;
  };

  /**
   * A listed URI goes before a template. What a built-in server's template stands for is its own all the
   * same: else another server took files from it by listing them.
   */
  const ownerOfUri = (view: View, uri: string): Item | undefined => {
    const listed = ownerOf(view, 'resources', uri);
    if (listed?.builtin === true) return listed;
    const isOpen = ({ server, matches }: Merged['templates'][number]): boolean =>
      touches(view, server) && matches(uri);
    return listed === undefined
      ? merged.templates.find(isOpen)
      : (merged.templates.find((template) => template.builtin && isOpen(template)) ?? listed);
  };

  /** The server that a name belongs to, when nobody knows yet what that server offers. */
  const findSilent = ({ name, view }: Pick<Call, 'name' | 'view'>): string | undefined =>
    [...configs.keys()].find(
      (server) =>
        !shelves.has(server) &&
        (view.kind === 'server'
          ? view.name === server
          : name.startsWith(toCatalogName(server, ''))),
    );

  const isWithheld = (view: View, name: string): boolean =>
    shelvesOf(view).some((serverCatalog) => serverCatalog.withheldNames.has(name));

  const unknown = (call: Pick<Call, 'name' | 'view'>, kind: 'tool' | 'prompt'): BridgeRpcError => {
    const names = listingOf(call.view)[`${kind}s`].map((item) => String(item['name']));
    const silent = findSilent(call);
    if (silent !== undefined) return toSilent(silent);
    return isWithheld(call.view, `${kind}/${call.name}`)
      ? {
          code: -32_602,
          message: `The ${kind} ${call.name} is withheld: its definition is new or has changed and awaits an operator's approval.`,
          data: { code: 'catalog/withheld', name: call.name },
        }
      : {
          code: -32_602,
          message: `Unknown ${kind}: ${call.name}. ${suggest(call.name, names)}`,
          data: { code: `catalog/unknown_${kind}`, name: call.name },
        };
  };

  const unknownResource = (view: View, uri: string): BridgeRpcError =>
    isWithheld(view, `resource/${uri}`) || isWithheld(view, `resource_template/${uri}`)
      ? {
          code: -32_602,
          message: `The resource ${uri} is withheld: its definition is new or has changed and awaits an operator's approval.`,
          data: { code: 'catalog/withheld', uri },
        }
      : {
          code: -32_602,
          message: `Resource not found: ${uri}. No server lists this URI or has a template that matches it.`,
          data: { code: 'catalog/unknown_resource', uri },
        };

  const locate = (call: FindableCall): Target | BridgeRpcError => {
    switch (call.method) {
      case 'tools/call':
        return ownerOf(call.view, 'tools', call.name)?.target ?? unknown(call, 'tool');
      case 'prompts/get':
        return ownerOf(call.view, 'prompts', call.name)?.target ?? unknown(call, 'prompt');
      case 'resources/read': {
        const owner = ownerOfUri(call.view, call.name);
        return owner === undefined
          ? unknownResource(call.view, call.name)
          : { upstream: owner.server, name: call.name, effect: 'read' };
      }
      case 'completion/complete':
        return findCompletion(call);
      default:
        return call.method satisfies never;
    }
  };

  return {
    configure(settings) {
      configs = new Map(
        settings.upstreams
          .filter(({ options }) => options.enabled)
          .map((config) => [config.name, config]),
      );
      toolsets = settings.toolsets;
      awaited.set([...shelves.keys()].filter((name) => configs.has(name) && isStale(name)));
      return change(() => rebuild(new Set([...shelves.keys(), ...configs.keys()])));
    },
    accept: ({ name: upstream, fingerprint }, listing, pins) =>
      change(async () => {
        const index = await inSlices(indexListing(listing));
        const before = offers.get(upstream);
        const known = before?.fingerprint === fingerprint ? before : undefined;
        const record = await inSlices(recordPins({ index, pins, before: known?.pins, now: now() }));
        if (configs.get(upstream)?.fingerprint === fingerprint) {
          offers.set(upstream, { fingerprint, index, pins: record });
          const isSame =
            known?.index.hash === index.hash && record.approved.size === known.pins.approved.size;
          if (!isSame || !shelves.has(upstream)) await rebuild([upstream]);
          awaited.delete(upstream);
        }
        return { index, unpinned: record.unpinned, since: record.since };
      }),
    approve: (upstream, keys) =>
      change(async () => {
        const held = offers.get(upstream);
        if (held === undefined || isStale(upstream)) return;
        const approved = new Set([...held.pins.approved, ...keys.map(toPinKey)]);
        offers.set(upstream, { ...held, pins: { ...held.pins, approved } });
        await rebuild([upstream]);
      }),
    giveUp({ name, fingerprint }) {
      if (configs.get(name)?.fingerprint === fingerprint) awaited.delete(name);
    },
    has: hasView,
    list: listingOf,
    tools: (view) =>
      itemsOf(view, 'tools').map((item) => ({
        server: item.server,
        definition: view.kind === 'server' ? item.definition : item.catalogDefinition,
      })),
    find(call) {
      const found = locate(call);
      // Nobody has seen yet what it offers now, nor let it through.
      return 'upstream' in found && isStale(found.upstream) ? toSilent(found.upstream) : found;
    },
    changing(call) {
      if (awaited.size === 0) return undefined;
      const found = locate(call);
      return 'upstream' in found ? awaited.wait(found.upstream, call.signal) : undefined;
    },
    outputSchema: (view, name) => ownerOf(view, 'tools', name)?.outputSchema,
    tool(view, name) {
      const owner = hasView(view) ? ownerOf(view, 'tools', name) : undefined;
      return owner === undefined || isStale(owner.server) ? undefined : owner;
    },
    known: () => new Set([...shelves.keys()].filter((name) => !isStale(name))),
    isListed: (upstream) => shelves.has(upstream),
    instructions(view) {
      const parts = shelvesOf(view).flatMap(({ server, instructions }) =>
        instructions === undefined
          ? []
          : [view.kind === 'server' ? instructions : `${server}: ${instructions}`],
      );
      return parts.length === 0 ? undefined : parts.join('\n\n');
    },
    withheld: (upstream) =>
      isStale(upstream) ? [] : [...(shelves.get(upstream)?.withheld.values() ?? [])],
    notes(upstream) {
      const held = offers.get(upstream);
      const lost = merged.notes.get(upstream);
      return [...(held?.index.notes ?? []), ...(lost === undefined ? [] : [lost])];
    },
    subscribe: bell.subscribe,
  };

  function findCompletion(call: Pick<Call, 'name' | 'params' | 'view'>): Target | BridgeRpcError {
    const ref = call.params['ref'];
    if (typeof ref === 'object' && ref !== null && 'type' in ref) {
      if (ref.type === 'ref/prompt' && 'name' in ref && typeof ref.name === 'string') {
        const target = ownerOf(call.view, 'prompts', ref.name)?.target;
        return target === undefined
          ? unknown({ ...call, name: ref.name }, 'prompt')
          : { ...target, effect: 'read' };
      }
      if (ref.type === 'ref/resource' && 'uri' in ref && typeof ref.uri === 'string') {
        const owner =
          ownerOf(call.view, 'resourceTemplates', ref.uri) ?? ownerOfUri(call.view, ref.uri);
        return owner === undefined
          ? unknownResource(call.view, ref.uri)
          : { upstream: owner.server, name: ref.uri, effect: 'read' };
      }
    }
    return {
      code: -32_602,
      message:
        'completion/complete needs a ref: { type: "ref/prompt", name } or { type: "ref/resource", uri }.',
      data: { code: 'request/invalid' },
    };
  }
}

function toSilent(upstream: string): BridgeRpcError {
  return {
    code: -32_603,
    message: `The server ${upstream} is not available: it has not told its tools yet. It is asked again from time to time; \`drawbridge servers\` and GET /v1/servers tell why.`,
    data: { code: 'upstream/unavailable', upstream },
  };
}

/** Names that share most with the one asked for: what a model most likely meant. */
function suggest(name: string, names: readonly string[]): string {
  const wanted = name.split('__').at(-1) ?? name;
  const near = names
    .filter((candidate) => candidate.includes(wanted) || wanted.includes(candidate))
    .slice(0, 3);
  return near.length === 0
    ? 'tools/list and prompts/list tell what there is.'
    : `Did you mean ${near.join(', ')}?`;
}
