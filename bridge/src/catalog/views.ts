// The catalog at one moment: what each view lists, and the server behind each name in it. Immutable; a change
// of the catalog makes a new one.
import type { Call, BridgeRpcError, Target, View } from '../calls/call.ts';
import type { Definition } from './listing-index.ts';
import { type ItemKind, type Merged, itemKinds } from './merge.ts';
import { fitsPattern, toCatalogName } from './names.ts';
import { toNotListed, toUnknownName, toUnknownRef, toUnknownResource } from './not-found.ts';
import type { Item, ServerCatalog } from './server-catalog.ts';

/** The lists of a view, as clients get them. */
export type Listing = Readonly<Record<ItemKind, readonly Definition[]>>;

export type FindableCall = Pick<Call, 'method' | 'name' | 'params' | 'view'>;

export interface ViewsOptions {
  /** By name, in the order of lists. */
  readonly servers: ReadonlyMap<string, ServerCatalog>;
  readonly merged: Merged;
  /** The servers of the settings, with a listing or without. */
  readonly configured: ReadonlyMap<string, unknown>;
  /** The patterns of each toolset. */
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
}

export interface Views {
  has(view: View): boolean;
  /** The same object each time. */
  list(view: View): Listing;
  items(view: View, kind: ItemKind): readonly Item[];
  /** Who has a name or URI in a view. */
  owner(view: View, kind: ItemKind, name: string): Item | undefined;
  locate(call: FindableCall): Target | BridgeRpcError;
  instructions(view: View): string | undefined;
}

export function createViews({ servers, merged, configured, toolsets }: ViewsOptions): Views {
  const listings = new Map<string, Listing>();

  const hasView = (view: View): boolean =>
    view.kind === 'all' ||
    (view.kind === 'server' ? configured.has(view.name) : Object.hasOwn(toolsets, view.name));

  const serversOf = (view: View): ServerCatalog[] => {
    if (view.kind !== 'server') return [...servers.values()];
    const serverCatalog = servers.get(view.name);
    return serverCatalog === undefined ? [] : [serverCatalog];
  };

  const toolsetHas = (view: View, catalogName: string): boolean =>
    view.kind !== 'toolset' ||
    (toolsets[view.name] ?? []).some((pattern) => fitsPattern(pattern, catalogName));

  /** Whether a view has the resources of a server. */
  const hasResourcesOf = (view: View, server: string): boolean =>
    view.kind === 'toolset'
      ? (toolsets[view.name] ?? []).some((pattern) => pattern === '*' || pattern === `${server}__*`)
      : view.kind === 'all' || view.name === server;

  /** Who has a name or URI in a view. */
  const ownerOf = (view: View, kind: ItemKind, name: string): Item | undefined => {
    if (view.kind === 'server') return servers.get(view.name)?.[kind].get(name);
    const claims = merged.claims[kind].get(name);
    if (kind === 'resources' || kind === 'resourceTemplates') {
      return claims?.find(({ server }) => hasResourcesOf(view, server));
    }
    const [owner] = claims ?? [];
    return owner !== undefined && toolsetHas(view, name) ? owner : undefined;
  };

  const itemsOf = (view: View, kind: ItemKind): readonly Item[] =>
    view.kind === 'server'
      ? [...(servers.get(view.name)?.[kind].values() ?? [])]
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
   * A listed URI goes before a template, except a built-in server's template: else another server could take
   * the filesystem server's files by listing their URIs.
   */
  const ownerOfUri = (view: View, uri: string): Item | undefined => {
    const listed = ownerOf(view, 'resources', uri);
    if (listed?.builtin === true) return listed;
    const isOpen = ({ server, matches }: Merged['templates'][number]): boolean =>
      hasResourcesOf(view, server) && matches(uri);
    return listed === undefined
      ? merged.templates.find(isOpen)
      : (merged.templates.find((template) => template.builtin && isOpen(template)) ?? listed);
  };

  /** The server without a listing that a name belongs to, by its prefix. */
  const findUnlisted = ({ name, view }: Pick<Call, 'name' | 'view'>): string | undefined =>
    [...configured.keys()].find(
      (server) =>
        !servers.has(server) &&
        (view.kind === 'server'
          ? view.name === server
          : name.startsWith(toCatalogName(server, ''))),
    );

  const isWithheld = (view: View, name: string): boolean =>
    serversOf(view).some(({ withheldNames }) => withheldNames.has(name));

  const unknown = (call: Pick<Call, 'name' | 'view'>, kind: 'tool' | 'prompt'): BridgeRpcError => {
    const unlisted = findUnlisted(call);
    if (unlisted !== undefined) return toNotListed(unlisted);
    const { name, view } = call;
    const names = listingOf(view)[`${kind}s`].map((item) => String(item['name']));
    return toUnknownName({ kind, name, names, isWithheld: isWithheld(view, `${kind}/${name}`) });
  };

  const unknownResource = (view: View, uri: string): BridgeRpcError =>
    toUnknownResource(
      uri,
      isWithheld(view, `resource/${uri}`) || isWithheld(view, `resource_template/${uri}`),
    );

  const findCompletion = (call: FindableCall): Target | BridgeRpcError => {
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
    return toUnknownRef();
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
    has: hasView,
    list: listingOf,
    items: itemsOf,
    owner: ownerOf,
    locate,
    instructions(view) {
      const parts = serversOf(view).flatMap(({ server, instructions }) =>
        instructions === undefined
          ? []
          : [view.kind === 'server' ? instructions : `${server}: ${instructions}`],
      );
      return parts.length === 0 ? undefined : parts.join('\n\n');
    },
  };
}
