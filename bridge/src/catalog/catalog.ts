// The merged catalog: what all servers offer under one roof, in a fixed order, and which server is
// behind a name. It changes only when an offer or the settings change; between changes every list is
// the same object, so lists are cheap and their bytes stable (clients cache prompts by them).
import type { Call, RpcError, Target, View } from '../calls/call.ts';
import type { Offer, UpstreamConfig } from '../upstreams/upstream.ts';
import { toDefinitionHash } from './definition-hash.ts';
import { fitsPattern, toCatalogName } from './names.ts';
import type { Pin, PinChange, PinKind } from './pins.ts';
import { toPinChange } from './pins.ts';
import { createShelf, type Shelf } from './shelf.ts';

export type Definition = Readonly<Record<string, unknown>>;

/** What a view offers, ready to be listed. */
export interface Listing {
  readonly tools: readonly Definition[];
  readonly prompts: readonly Definition[];
  readonly resources: readonly Definition[];
  readonly resourceTemplates: readonly Definition[];
}

export interface OfferChange {
  readonly change: PinChange;
  /** Definitions to pin, since they were not seen before. */
  readonly unpinned: readonly Omit<Pin, 'approved'>[];
}

interface Settings {
  readonly upstreams: readonly UpstreamConfig[];
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
}

export interface Catalog {
  configure(settings: Settings): void;
  /** Takes what a server offers; tells what changed against the pins and what to pin now. */
  accept(upstream: string, offer: Offer, pins: readonly Pin[]): OfferChange;
  has(view: View): boolean;
  list(view: View): Listing;
  /** The tools of a view, each with the server behind it. */
  tools(view: View): readonly { server: string; definition: Definition }[];
  find(call: Pick<Call, 'method' | 'name' | 'params' | 'view'>): Target | RpcError;
  /** The output schema of a tool as it was offered, for the projection of its result. */
  outputSchema(view: View, name: string): Definition | undefined;
  /** Whether a tool takes arguments from `Mcp-Param-*` headers (2026-07-28, `x-mcp-header`). */
  hasHeaderParams(view: View, name: string): boolean;
  /** Servers whose offer is known. */
  known(): ReadonlySet<string>;
  instructions(view: View): string | undefined;
  subscribe(listener: () => void): () => void;
}

export function createCatalog(): Catalog {
  let configs = new Map<string, UpstreamConfig>();
  let toolsets: Settings['toolsets'] = {};
  const offers = new Map<string, { fingerprint: string; offer: Offer; pins: readonly Pin[] }>();
  const shelves = new Map<string, Shelf>();
  const views = new Map<string, { listing: Listing; targets: Map<string, Shelf> }>();
  const listeners = new Set<() => void>();

  const changed = (): void => {
    views.clear();
    for (const listener of listeners) listener();
  };

  const shelve = (name: string): void => {
    const config = configs.get(name);
    const held = offers.get(name);
    if (config === undefined || held === undefined || held.fingerprint !== config.fingerprint) {
      shelves.delete(name);
    } else {
      shelves.set(name, createShelf(config, held.offer, held.pins));
    }
  };

  const shelvesOf = (view: View): Shelf[] => {
    if (view.kind === 'server') {
      const shelf = shelves.get(view.name);
      return shelf === undefined ? [] : [shelf];
    }
    return [...shelves.keys()].sort().flatMap((name) => shelves.get(name) ?? []);
  };

  const admits = (view: View, catalogName: string): boolean =>
    view.kind !== 'toolset' ||
    (toolsets[view.name] ?? []).some((pattern) => fitsPattern(pattern, catalogName));

  const build = (view: View) => {
    const own = view.kind === 'server';
    const targets = new Map<string, Shelf>();
    const listing = {
      tools: [] as Definition[],
      prompts: [] as Definition[],
      resources: [] as Definition[],
      resourceTemplates: [] as Definition[],
    };
    const seen = new Set<string>();
    for (const shelf of shelvesOf(view)) {
      for (const kind of ['tools', 'prompts'] as const) {
        for (const item of shelf[kind]) {
          if (!admits(view, item.catalogName)) continue;
          const name = own ? item.name : item.catalogName;
          targets.set(`${kind}/${name}`, shelf);
          listing[kind].push(own ? item.definition : item.catalogDefinition);
        }
      }
      const touches =
        view.kind !== 'toolset' ||
        (toolsets[view.name] ?? []).some(
          (pattern) => pattern === '*' || pattern === `${shelf.server}__*`,
        );
      if (!touches) continue;
      for (const [kind, key] of [
        ['resources', 'uri'],
        ['resourceTemplates', 'uriTemplate'],
      ] as const) {
        for (const item of shelf[kind]) {
          const id = `${kind}/${String(item[key])}`;
          if (seen.has(id)) continue;
          seen.add(id);
          targets.set(id, shelf);
          listing[kind].push(item);
        }
      }
      targets.set(`server/${shelf.server}`, shelf);
    }
    return { listing, targets };
  };

  const viewed = (view: View) => {
    const key = view.kind === 'all' ? 'all' : `${view.kind}/${view.name}`;
    let held = views.get(key);
    if (held === undefined) {
      held = build(view);
      views.set(key, held);
    }
    return held;
  };

  const findShelf = (view: View, id: string): Shelf | undefined => viewed(view).targets.get(id);

  const shelfOfUri = (view: View, uri: string): Shelf | undefined => {
    const { targets } = viewed(view);
    const listed = targets.get(`resources/${uri}`);
    if (listed !== undefined) return listed;
    for (const [id, shelf] of targets) {
      if (id.startsWith('server/') && shelf.matchesTemplate(uri)) return shelf;
    }
    return undefined;
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

  const unknown = (call: Pick<Call, 'name' | 'view'>, kind: 'tool' | 'prompt'): RpcError => {
    const names = viewed(call.view).listing[`${kind}s`].map((item) => String(item['name']));
    const silent = findSilent(call);
    if (silent !== undefined) {
      return {
        code: -32_603,
        message: `The server ${silent} is not available: it has not told its tools yet. It is asked again from time to time; \`drawbridge servers\` and GET /v1/servers tell why.`,
        data: { code: 'upstream/unavailable', upstream: silent },
      };
    }
    const withheld = shelvesOf(call.view).some((shelf) =>
      shelf.withheld.has(`${kind}/${call.name}`),
    );
    return withheld
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

  return {
    configure(settings) {
      configs = new Map(
        settings.upstreams
          .filter(({ options }) => options.enabled)
          .map((config) => [config.name, config]),
      );
      toolsets = settings.toolsets;
      for (const name of new Set([...shelves.keys(), ...configs.keys()])) shelve(name);
      changed();
    },
    accept(upstream, offer, pins) {
      const config = configs.get(upstream);
      const change = toOfferChange(offer, offers.get(upstream)?.offer, pins);
      if (config === undefined) return change;
      const before = JSON.stringify(offers.get(upstream)?.offer);
      offers.set(upstream, { fingerprint: config.fingerprint, offer, pins });
      shelve(upstream);
      if (before !== JSON.stringify(offer)) changed();
      return change;
    },
    has: (view) =>
      view.kind === 'all' ||
      (view.kind === 'server' ? configs.has(view.name) : Object.hasOwn(toolsets, view.name)),
    list: (view) => viewed(view).listing,
    tools(view) {
      const { listing, targets } = viewed(view);
      return listing.tools.map((definition) => ({
        server: targets.get(`tools/${String(definition['name'])}`)?.server ?? '',
        definition,
      }));
    },
    find(call) {
      switch (call.method) {
        case 'tools/call': {
          const target = findShelf(call.view, `tools/${call.name}`)?.target(
            'tool',
            call.name,
            call.view,
          );
          return target ?? unknown(call, 'tool');
        }
        case 'prompts/get': {
          const target = findShelf(call.view, `prompts/${call.name}`)?.target(
            'prompt',
            call.name,
            call.view,
          );
          return target ?? unknown(call, 'prompt');
        }
        case 'resources/read': {
          const shelf = shelfOfUri(call.view, call.name);
          return shelf === undefined
            ? unknownResource(call.name)
            : { upstream: shelf.server, name: call.name, effect: 'read' };
        }
        case 'completion/complete':
          return findCompletion(call);
        default:
          return call.method satisfies never;
      }
    },
    outputSchema(view, name) {
      return findShelf(view, `tools/${name}`)?.outputSchema(name, view);
    },
    hasHeaderParams: (view, name) =>
      findShelf(view, `tools/${name}`)?.hasHeaderParams(name, view) ?? false,
    known: () => new Set(shelves.keys()),
    instructions(view) {
      const parts = shelvesOf(view).flatMap(({ server, instructions }) =>
        instructions === undefined
          ? []
          : [view.kind === 'server' ? instructions : `${server}: ${instructions}`],
      );
      return parts.length === 0 ? undefined : parts.join('\n\n');
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  function findCompletion(call: Pick<Call, 'name' | 'params' | 'view'>): Target | RpcError {
    const ref = call.params['ref'];
    if (typeof ref === 'object' && ref !== null && 'type' in ref) {
      if (ref.type === 'ref/prompt' && 'name' in ref && typeof ref.name === 'string') {
        const target = findShelf(call.view, `prompts/${ref.name}`)?.target(
          'prompt',
          ref.name,
          call.view,
        );
        return target === undefined
          ? unknown({ ...call, name: ref.name }, 'prompt')
          : { ...target, effect: 'read' };
      }
      if (ref.type === 'ref/resource' && 'uri' in ref && typeof ref.uri === 'string') {
        const shelf =
          findShelf(call.view, `resourceTemplates/${ref.uri}`) ?? shelfOfUri(call.view, ref.uri);
        return shelf === undefined
          ? unknownResource(ref.uri)
          : { upstream: shelf.server, name: ref.uri, effect: 'read' };
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

function unknownResource(uri: string): RpcError {
  return {
    code: -32_602,
    message: `Resource not found: ${uri}. No server lists this URI or has a template that matches it.`,
    data: { code: 'catalog/unknown_resource', uri },
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

function toOfferChange(
  offer: Offer,
  previous: Offer | undefined,
  pins: readonly Pin[],
): OfferChange {
  const now = toPinnable(offer);
  const seen = new Set(pins.map((pin) => `${pin.kind} ${pin.name} ${pin.hash}`));
  const keyed = (items: typeof now) =>
    new Map(items.map((item) => [`${item.kind} ${item.name}`, item]));
  return {
    change: toPinChange(keyed(previous === undefined ? [] : toPinnable(previous)), keyed(now)),
    unpinned: now.filter((item) => !seen.has(`${item.kind} ${item.name} ${item.hash}`)),
  };
}

function toPinnable(offer: Offer): Omit<Pin, 'approved'>[] {
  const kinds: readonly [PinKind, readonly Definition[], string][] = [
    ['tool', offer.tools, 'name'],
    ['prompt', offer.prompts, 'name'],
    ['resource_template', offer.resourceTemplates, 'uriTemplate'],
  ];
  return kinds.flatMap(([kind, definitions, key]) =>
    definitions.map((definition) => ({
      kind,
      name: String(definition[key]),
      hash: toDefinitionHash(definition),
      definition,
    })),
  );
}
