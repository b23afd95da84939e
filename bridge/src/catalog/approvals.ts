// The definitions that strict pins withhold: shown to an operator, and allowed by the hashes that were shown.
// A definition that changes in between stays withheld.
import { DrawbridgeError } from '../errors.ts';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import type { Catalog } from './catalog.ts';
import { type Definition, type Entry, toEntryKey } from './listing-index.ts';
import type { SavedListings } from './saved-listings.ts';
import type { PinKey, PinKind } from './pins.ts';

export interface WithheldDefinition {
  readonly kind: PinKind;
  /** A name or a URI; empty for instructions. */
  readonly name: string;
  readonly hash: string;
  readonly definition: Definition;
  /** What was approved before under this name. */
  readonly before?: Definition;
}

export interface Approvals {
  /** How many of a server's definitions are withheld. */
  count(server: string): number;
  /** A page in a fixed order, after the cursor `next` of the page before. */
  list(
    server: string,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<{ readonly definitions: readonly WithheldDefinition[]; readonly next?: string }>;
  /**
   * Returns the definitions it allowed. The others are not withheld, or no longer with this hash. Rejects
   * with `upstream/unknown`.
   */
  allow(server: string, keys: readonly PinKey[], by: string): Promise<readonly PinKey[]>;
}

export interface ApprovalsOptions {
  readonly catalog: Pick<Catalog, 'withheld' | 'approve'>;
  readonly store: Pick<SavedListings, 'approve' | 'approvedBefore'>;
  readonly config: (server: string) => UpstreamConfig | undefined;
  /** Called once it is stored. */
  readonly onAllow: (server: string, keys: readonly PinKey[], by: string) => Promise<void>;
  readonly now?: () => number;
}

const PAGE_CHARACTERS = 1024 * 1024;

export function createApprovals({
  catalog,
  store,
  config: findConfig,
  onAllow,
  now = Date.now,
}: ApprovalsOptions): Approvals {
  const requireConfig = (server: string): UpstreamConfig => {
    const config = findConfig(server);
    if (config !== undefined) return config;
    throw new DrawbridgeError('upstream/unknown', `There is no server ${server}.`);
  };

  return {
    count: (server) => catalog.withheld(server).length,
    async list(server, { after, limit }) {
      const config = requireConfig(server);
      const all = catalog.withheld(server);
      // A cursor holds a hash, not a number: a list that changes between pages skips nothing.
      const start =
        after === undefined ? 0 : all.findIndex((entry) => toCursor(entry) === after) + 1;
      const page: Entry[] = [];
      let characters = 0;
      for (const entry of all.slice(start, start + limit)) {
        page.push(entry);
        characters += JSON.stringify(entry.definition).length;
        if (characters > PAGE_CHARACTERS) break;
      }
      const before = await store.approvedBefore(config, page);
      const last = page.at(-1);
      return {
        definitions: page.map((entry) => {
          const { kind, name, hash, definition } = entry;
          const earlier = before.get(toEntryKey(entry));
          return { kind, name, hash, definition, ...(earlier && { before: earlier }) };
        }),
        ...(last !== undefined && start + page.length < all.length && { next: toCursor(last) }),
      };
    },
    async allow(server, keys, by) {
      const config = requireConfig(server);
      const withheld = new Map(catalog.withheld(server).map((entry) => [toCursor(entry), entry]));
      const wanted = new Set(keys.map(toCursor));
      const entries = [...wanted].flatMap((cursor) => withheld.get(cursor) ?? []);
      if (entries.length === 0) return [];
      const firstSeenAt = now();
      await store.approve(
        config,
        entries.map((entry) => ({ entry, firstSeenAt })),
        by,
      );
      await catalog.approve(server, entries);
      const allowed = entries.map(({ kind, name, hash }) => ({ kind, name, hash }));
      await onAllow(server, allowed, by);
      return allowed;
    },
  };
}

/** A cursor that stands for a definition. */
function toCursor({ kind, name, hash }: PinKey): string {
  return `${hash}.${kind}.${name}`;
}
