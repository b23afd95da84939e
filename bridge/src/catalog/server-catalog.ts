// One server's part of the catalog, under its own and its merged names, without what the settings hide or a
// strict pin withholds.
import type { Target } from '../calls/call.ts';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { toEffect } from './effects.ts';
import { fitsPattern, toCatalogName } from './names.ts';
import { type Definition, type Entry, type ListingIndex, toEntryKey } from './listing-index.ts';
import { type PinKey, toPinKey } from './pins.ts';
import { createUriMatcher, namesScheme } from './resource-uri.ts';
import { isRecord } from '../json-record.ts';

/** A tool, prompt, resource or resource template of a server. */
export interface Item {
  readonly server: string;
  readonly builtin: boolean;
  /** The name or URI as the server knows it. */
  readonly name: string;
  /** The name or URI in the merged catalog. */
  readonly catalogName: string;
  readonly definition: Definition;
  readonly catalogDefinition: Definition;
  readonly target: Target;
  /** Whether a tool takes arguments from `Mcp-Param-*` headers (2026-07-28, `x-mcp-header`). */
  readonly hasHeaderParams: boolean;
  /** The output schema of a tool, as the server declared it. */
  readonly outputSchema: Definition | undefined;
  /** When the server was first seen to list it, in milliseconds since 1970. */
  readonly since: number;
}

export interface Template extends Item {
  readonly matches: (uri: string) => boolean;
  /** Whether URIs are matched against it, or it is only listed. */
  readonly isMatched: boolean;
  readonly namesScheme: boolean;
}

/** By the server's own names, in its order. */
export type Items<T extends Item = Item> = ReadonlyMap<string, T>;

export interface ServerCatalog {
  readonly server: string;
  readonly builtin: boolean;
  readonly instructions?: string;
  readonly tools: Items;
  readonly prompts: Items;
  readonly resources: Items;
  readonly resourceTemplates: Items<Template>;
  /** What awaits approval, by kind and own name. */
  readonly withheld: ReadonlyMap<string, Entry>;
  /** Withheld definitions as `<kind>/<name>`, under their own and merged names. */
  readonly withheldNames: ReadonlySet<string>;
}

/** What is known of a server's pins. */
export interface KnownPins {
  /** By `toPinKey`. */
  readonly approved: ReadonlySet<string>;
  /** By {@link toEntryKey}. */
  readonly since: ReadonlyMap<string, number>;
}

/** How many templates of one server URIs are matched against; further ones are listed only. */
const MATCHED_TEMPLATES = 256;

export function* createServerCatalog(
  config: UpstreamConfig,
  { entries }: Pick<ListingIndex, 'entries'>,
  { approved, since }: KnownPins,
): Generator<undefined, ServerCatalog> {
  const { name: server, options, builtin } = config;
  const tools = new Map<string, Item>();
  const prompts = new Map<string, Item>();
  const resources = new Map<string, Item>();
  const resourceTemplates = new Map<string, Template>();
  const withheld = new Map<string, Entry>();
  const withheldNames = new Set<string>();
  let instructions: string | undefined;

  const isExposed = ({ kind, name }: Entry): boolean =>
    kind !== 'tool' || (options.expose ?? ['*']).some((pattern) => fitsPattern(pattern, name));
  const isApproved = (entry: PinKey): boolean => approved.has(toPinKey(entry));

  const toItem = (entry: Entry): Item => {
    const { kind, name, definition, hash, hasHeaderParams } = entry;
    const { outputSchema } = definition;
    const isNamed = kind === 'tool' || kind === 'prompt';
    const catalogName = isNamed ? toCatalogName(server, name) : name;
    const trusted = builtin || isApproved(entry);
    const effect =
      kind === 'tool'
        ? toEffect(definition, name, { overrides: options.effects, trusted })
        : 'read';
    return {
      server,
      builtin,
      name,
      catalogName,
      definition,
      catalogDefinition: isNamed ? { ...definition, name: catalogName } : definition,
      target: { upstream: server, name, definitionHash: hash, effect },
      hasHeaderParams,
      outputSchema: isRecord(outputSchema) ? outputSchema : undefined,
      since: since.get(toEntryKey(entry)) ?? Number.POSITIVE_INFINITY,
    };
  };

  for (const [key, entry] of entries) {
    yield;
    if (!isExposed(entry)) continue;
    const { kind, name, definition } = entry;
    if (options.pin === 'strict' && !builtin && !isApproved(entry)) {
      withheld.set(key, entry);
      withheldNames.add(`${kind}/${name}`);
      if (kind === 'tool' || kind === 'prompt') {
        withheldNames.add(`${kind}/${toCatalogName(server, name)}`);
      }
      continue;
    }
    switch (kind) {
      case 'tool':
        tools.set(name, toItem(entry));
        break;
      case 'prompt':
        prompts.set(name, toItem(entry));
        break;
      case 'resource':
        resources.set(name, toItem(entry));
        break;
      case 'resource_template': {
        const isMatched = resourceTemplates.size < MATCHED_TEMPLATES;
        resourceTemplates.set(name, {
          ...toItem(entry),
          isMatched,
          matches: isMatched ? createUriMatcher(name) : () => false,
          namesScheme: namesScheme(name),
        });
        break;
      }
      case 'instructions':
        instructions = String(definition['instructions']);
        break;
      default:
        kind satisfies never;
    }
  }
  return {
    server,
    builtin,
    ...(instructions !== undefined && { instructions }),
    tools,
    prompts,
    resources,
    resourceTemplates,
    withheld,
    withheldNames,
  };
}
