// One server's part of the catalog: its tools and prompts under their own and their merged names,
// without those the settings hide or a strict pin withholds.
import type { Target, View } from '../calls/call.ts';
import type { Offer, UpstreamConfig } from '../upstreams/upstream.ts';
import type { Definition } from './catalog.ts';
import { toDefinitionHash } from './definition-hash.ts';
import { toEffect } from './effects.ts';
import { fitsPattern, toCatalogName } from './names.ts';
import type { Pin } from './pins.ts';
import { createUriMatcher } from './resource-uri.ts';

interface Item {
  readonly name: string;
  readonly catalogName: string;
  readonly definition: Definition;
  readonly catalogDefinition: Definition;
  readonly target: Target;
  readonly hasHeaderParams: boolean;
}

export interface Shelf {
  readonly server: string;
  readonly instructions?: string;
  readonly tools: readonly Item[];
  readonly prompts: readonly Item[];
  readonly resources: readonly Definition[];
  readonly resourceTemplates: readonly Definition[];
  /** `tool/<name>` and `prompt/<name>`, under both names, that await approval. */
  readonly withheld: ReadonlySet<string>;
  target(kind: 'tool' | 'prompt', name: string, view: View): Target | undefined;
  outputSchema(name: string, view: View): Definition | undefined;
  hasHeaderParams(name: string, view: View): boolean;
  matchesTemplate(uri: string): boolean;
}

export function createShelf(config: UpstreamConfig, offer: Offer, pins: readonly Pin[]): Shelf {
  const { name: server, options, builtin } = config;
  const approved = new Set(
    pins.filter((pin) => pin.approved).map((pin) => `${pin.kind}/${pin.hash}`),
  );
  const withheld = new Set<string>();

  const toItems = (kind: 'tool' | 'prompt', definitions: readonly Definition[]): Item[] =>
    definitions.flatMap((definition): Item[] => {
      const name = String(definition['name']);
      const catalogName = toCatalogName(server, name);
      if (
        kind === 'tool' &&
        !(options.expose ?? ['*']).some((pattern) => fitsPattern(pattern, name))
      ) {
        return [];
      }
      const hash = toDefinitionHash(definition);
      const isApproved = approved.has(`${kind}/${hash}`);
      if (options.pin === 'strict' && !builtin && !isApproved) {
        withheld.add(`${kind}/${name}`).add(`${kind}/${catalogName}`);
        return [];
      }
      const effect =
        kind === 'prompt'
          ? 'read'
          : toEffect(definition, name, {
              overrides: options.effects,
              trusted: builtin || isApproved,
            });
      return [
        {
          name,
          catalogName,
          definition,
          catalogDefinition: { ...definition, name: catalogName },
          target: { upstream: server, name, definitionHash: hash, effect },
          hasHeaderParams: JSON.stringify(definition['inputSchema'] ?? {}).includes(
            '"x-mcp-header"',
          ),
        },
      ];
    });

  const tools = toItems('tool', offer.tools);
  const prompts = toItems('prompt', offer.prompts);
  const index = new Map<string, Item>();
  for (const [kind, items] of [
    ['tool', tools],
    ['prompt', prompts],
  ] as const) {
    for (const item of items) {
      index.set(`${kind}/server/${item.name}`, item);
      index.set(`${kind}/all/${item.catalogName}`, item);
    }
  }
  const item = (kind: 'tool' | 'prompt', name: string, view: View): Item | undefined =>
    index.get(`${kind}/${view.kind === 'server' ? 'server' : 'all'}/${name}`);
  const matchers = offer.resourceTemplates.map((template) =>
    createUriMatcher(String(template['uriTemplate'])),
  );

  return {
    server,
    ...(offer.instructions !== undefined && { instructions: offer.instructions }),
    tools,
    prompts,
    resources: offer.resources,
    resourceTemplates: offer.resourceTemplates,
    withheld,
    target: (kind, name, view) => item(kind, name, view)?.target,
    outputSchema(name, view) {
      const schema = item('tool', name, view)?.definition['outputSchema'];
      return typeof schema === 'object' && schema !== null ? (schema as Definition) : undefined; // an object by the test before it
    },
    hasHeaderParams: (name, view) => item('tool', name, view)?.hasHeaderParams ?? false,
    matchesTemplate: (uri) => matchers.some((matches) => matches(uri)),
  };
}
