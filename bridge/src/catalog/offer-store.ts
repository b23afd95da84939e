// What the store keeps of a server between starts: its last offer, so that lists need no start, its
// pins, and the era it spoke. Keyed by the server's configuration, so a changed entry begins anew.
import { and, asc, eq } from 'drizzle-orm';
import type { Database } from '../store/store.ts';
import { pins, upstreams } from '../store/tables/index.ts';
import type { Offer } from '../upstreams/upstream.ts';
import type { Pin } from './pins.ts';

export interface ServerKey {
  readonly name: string;
  readonly fingerprint: string;
}

export interface OfferStore {
  load(server: ServerKey): Promise<{ offer: Offer | undefined; pins: readonly Pin[] }>;
  save(server: ServerKey, offer: Offer, unpinned: readonly Omit<Pin, 'approved'>[]): Promise<void>;
}

interface OfferStoreOptions {
  readonly db: Database;
  readonly tenantId: string;
  readonly createId: () => string;
}

export function createOfferStore({ db, tenantId, createId }: OfferStoreOptions): OfferStore {
  const isServer = ({ name, fingerprint }: ServerKey) =>
    and(
      eq(upstreams.tenantId, tenantId),
      eq(upstreams.name, name),
      eq(upstreams.fingerprint, fingerprint),
    );

  return {
    async load(server) {
      const [row] = await db.select().from(upstreams).where(isServer(server));
      if (row === undefined) return { offer: undefined, pins: [] };
      const rows = await db
        .select()
        .from(pins)
        .where(eq(pins.upstreamId, row.id))
        .orderBy(asc(pins.firstSeenAt), asc(pins.id));
      return {
        offer: (row.offer ?? undefined) as Offer | undefined, // written by save, from an Offer
        pins: rows.map(({ kind, name, hash, definition, approvedAt }) => ({
          kind,
          name,
          hash,
          definition,
          approved: approvedAt !== null,
        })),
      };
    },
    async save(server, offer, unpinned) {
      const seen = {
        serverName: offer.serverInfo.name,
        serverVersion: offer.serverInfo.version,
        offer,
        offerAt: new Date(),
      };
      await db.transaction(async (tx) => {
        const [row] = await tx
          .insert(upstreams)
          .values({ id: createId(), tenantId, ...server, ...seen })
          .onConflictDoUpdate({
            target: [upstreams.tenantId, upstreams.name, upstreams.fingerprint],
            set: seen,
          })
          .returning({ id: upstreams.id });
        if (row === undefined || unpinned.length === 0) return;
        await tx
          .insert(pins)
          .values(unpinned.map((pin) => ({ id: createId(), tenantId, upstreamId: row.id, ...pin })))
          .onConflictDoNothing();
      });
    },
  };
}
