// A server's listing as entries, each with its hash, which pins, the merged catalog and the change log
// compare. Made in small pieces, because a server may list 20,000 of each kind.
import { createHash } from 'node:crypto';
import type { ServerListing } from '../upstreams/upstream.ts';
import { toCanonicalJson, toHash } from './definition-hash.ts';
import type { PinKind } from './pins.ts';

export type Definition = Readonly<Record<string, unknown>>;

export interface Entry {
  readonly kind: PinKind;
  /** A name or a URI; empty for instructions. */
  readonly name: string;
  readonly hash: string;
  readonly definition: Definition;
  /** Whether it takes arguments from `Mcp-Param-*` headers. */
  readonly hasHeaderParams: boolean;
}

export interface ListingIndex {
  /** By {@link toEntryKey}, in the server's order. Of two entries with one key it has the first. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Equal for equal listings. */
  readonly hash: string;
  /** Characters of all definitions. */
  readonly size: number;
  readonly notes: readonly string[];
}

/** Names an entry within its server. */
export function toEntryKey({ kind, name }: Pick<Entry, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

const HEADER_PARAM = '"x-mcp-header"';

export function* indexListing(listing: ServerListing): Generator<undefined, ListingIndex> {
  const entries = new Map<string, Entry>();
  const whole = createHash('sha256').update(JSON.stringify(listing.serverInfo));
  const doubled: string[] = [];
  let size = 0;
  for (const { kind, name, definition } of listDefinitions(listing)) {
    yield;
    const key = toEntryKey({ kind, name });
    if (entries.has(key)) {
      doubled.push(key);
      continue;
    }
    const text = toCanonicalJson(definition);
    const hash = toHash(text);
    const hasHeaderParams =
      text.includes(HEADER_PARAM) &&
      JSON.stringify(definition['inputSchema'] ?? {}).includes(HEADER_PARAM);
    entries.set(key, { kind, name, hash, definition, hasHeaderParams });
    whole.update(`\n${key}\n${hash}`);
    size += text.length;
  }
  const notes = [...(listing.notes ?? [])];
  if (doubled.length > 0) {
    notes.push(`left out, under a name that is taken: ${doubled.length} (${nameSome(doubled)})`);
  }
  return { entries, hash: whole.digest('hex'), size, notes };
}

/** A few names, each cut to a line's length. */
export function nameSome(names: readonly string[], most = 5): string {
  const some = names.slice(0, most).map((name) => JSON.stringify(name.slice(0, 80)));
  return names.length > most ? `${some.join(', ')}, …` : some.join(', ');
}

function* listDefinitions(
  listing: ServerListing,
): Generator<Pick<Entry, 'kind' | 'name' | 'definition'>> {
  if (listing.instructions !== undefined) {
    const definition = { instructions: listing.instructions };
    yield { kind: 'instructions', name: '', definition };
  }
  const lists: readonly [PinKind, readonly Definition[], string][] = [
    ['tool', listing.tools, 'name'],
    ['prompt', listing.prompts, 'name'],
    ['resource', listing.resources, 'uri'],
    ['resource_template', listing.resourceTemplates, 'uriTemplate'],
  ];
  for (const [kind, definitions, id] of lists) {
    for (const definition of definitions) yield { kind, name: String(definition[id]), definition };
  }
}
