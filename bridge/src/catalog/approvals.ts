// What a strict pin keeps back, shown to an operator, and let through by the very hashes that were shown:
// a definition that changes in between stays withheld.
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
  /** A page in a fixed order, after a place that the page before gave. */
  list(
    server: string,
    page: { readonly after: string | undefined; readonly limit: number },
  ): Promise<{ readonly definitions: readonly WithheldDefinition[]; readonly next?: string }>;
  /**
   * Returns those it let through; the others are not withheld, or no longer with this hash. Rejects with
   * `upstream/unknown`.
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
      // Hashes name places, so that a list that changes meanwhile is not shown twice or in part unseen.
      const start =
        after === undefined ? 0 : all.findIndex((entry) => toPlace(entry) === after) + 1;
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
        ...(last !== undefined && start + page.length < all.length && { next: toPlace(last) }),
      };
    },
    async allow(server, keys, by) {
      const config = requireConfig(server);
      const withheld = new Map(catalog.withheld(server).map((entry) => [toPlace(entry), entry]));
      const places = new Set(keys.map(toPlace));
      const entries = [...places].flatMap((place) => withheld.get(place) ?? []);
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

/** Names a definition in a cursor. */
function toPlace({ kind, name, hash }: PinKey): string {
  return `${hash}.${kind}.${name}`;
}
