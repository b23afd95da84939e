// Merges the servers' catalogs. Where several servers claim a name or a URI, a built-in server has it, else
// the one that had it first, so that no server takes from another what was there before.
import { nameSome } from './listing-index.ts';
import type { Item, Items, ServerCatalog, Template } from './server-catalog.ts';

export const itemKinds = ['tools', 'prompts', 'resources', 'resourceTemplates'] as const;
export type ItemKind = (typeof itemKinds)[number];

export interface Merged {
  /** Of each kind, in the order of servers and then each server's own. */
  readonly items: Readonly<Record<ItemKind, readonly Item[]>>;
  /** By merged name or URI, those who claim it; the first has it. */
  readonly claims: Readonly<Record<ItemKind, ReadonlyMap<string, readonly Item[]>>>;
  /** The templates that URIs are matched against; the first match counts. */
  readonly templates: readonly Template[];
  /** By server, a sentence about what it lists under names that are another server's. */
  readonly notes: ReadonlyMap<string, string>;
}

export function* mergeServers(servers: readonly ServerCatalog[]): Generator<undefined, Merged> {
  const items: Record<ItemKind, Item[]> = {
    tools: [],
    prompts: [],
    resources: [],
    resourceTemplates: [],
  };
  const claims = {
    tools: new Map<string, Item[]>(),
    prompts: new Map<string, Item[]>(),
    resources: new Map<string, Item[]>(),
    resourceTemplates: new Map<string, Item[]>(),
  };
  const templates: Template[] = [];
  const lost = new Map<string, string[]>();
  for (const kind of itemKinds) {
    const claimed = claims[kind];
    const contested = new Set<string>();
    for (const serverCatalog of servers) {
      const own: Items = serverCatalog[kind];
      for (const item of own.values()) {
        yield;
        items[kind].push(item);
        const others = claimed.get(item.catalogName);
        if (others === undefined) claimed.set(item.catalogName, [item]);
        else {
          claimed.set(item.catalogName, [...others, item].sort(byPrecedence));
          contested.add(item.catalogName);
        }
      }
    }
    for (const name of contested) {
      yield;
      const [, ...losers] = claimed.get(name) ?? [];
      for (const { server } of losers) {
        const names = lost.get(server) ?? [];
        names.push(name);
        lost.set(server, names);
      }
    }
  }
  for (const serverCatalog of servers) {
    for (const template of serverCatalog.resourceTemplates.values()) {
      if (template.isMatched) templates.push(template);
    }
  }
  templates.sort(
    (a, b) =>
      Number(b.builtin) - Number(a.builtin) ||
      Number(b.namesScheme) - Number(a.namesScheme) ||
      byPrecedence(a, b),
  );
  const notes = new Map(
    [...lost].map(([server, names]) => [
      server,
      `offered under a name or URI that another server had first: ${names.length} (${nameSome(names)})`,
    ]),
  );
  return { items, claims, templates, notes };
}

/** The server that keeps a contested name comes first. */
function byPrecedence(a: Item, b: Item): number {
  if (a.builtin !== b.builtin) return a.builtin ? -1 : 1;
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return a.server < b.server ? -1 : Number(a.server > b.server);
}
