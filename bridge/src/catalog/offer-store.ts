// What the store keeps of a server between starts: its last offer, so that lists need no start, and its
// pins. Keyed by the server's configuration, so a changed entry begins anew. An offer may have 20,000
// entries of each kind, so rows go in portions, as arrays, and definitions are read only to be shown.
import { and, eq, sql } from 'drizzle-orm';
import { inSlices } from '../in-slices.ts';
import type { Database } from '../store/store.ts';
import { upstreams } from '../store/tables/index.ts';
import type { Offer } from '../upstreams/upstream.ts';
import { type Definition, type Entry, toEntryKey } from './offer-index.ts';
import type { Pin } from './pins.ts';

export interface ServerKey {
  readonly name: string;
  readonly fingerprint: string;
}

/** An entry to pin, and since when its name is known. */
export interface NewPin {
  readonly entry: Entry;
  readonly firstSeenAt: number;
}

export interface OfferStore {
  offer(server: ServerKey): Promise<Offer | undefined>;
  pins(server: ServerKey): Promise<readonly Pin[]>;
  save(server: ServerKey, offer: Offer, pins: readonly NewPin[]): Promise<void>;
  /** Pins what is not pinned yet, and marks all as approved by a user. */
  approve(server: ServerKey, pins: readonly NewPin[], by: string): Promise<void>;
  /** The definitions approved last under the names of these entries, by `toEntryKey`. */
  approvedBefore(
    server: ServerKey,
    entries: readonly Entry[],
  ): Promise<ReadonlyMap<string, Definition>>;
}

interface OfferStoreOptions {
  readonly db: Database;
  readonly tenantId: string;
  readonly createId: () => string;
}

const PORTION_ROWS = 500;
const PORTION_CHARACTERS = 512 * 1024;
/** Unapproved pins of one server that are kept, the newest first. */
const MOST_PINS = 100_000;

export function createOfferStore({ db, tenantId, createId }: OfferStoreOptions): OfferStore {
  const isServer = ({ name, fingerprint }: ServerKey) =>
    and(
      eq(upstreams.tenantId, tenantId),
      eq(upstreams.name, name),
      eq(upstreams.fingerprint, fingerprint),
    );

  const findId = async (server: ServerKey): Promise<string | undefined> => {
    const [row] = await db.select({ id: upstreams.id }).from(upstreams).where(isServer(server));
    return row?.id;
  };

  /** The row of a server; made when there is none. */
  const ensureRow = async ({ name, fingerprint }: ServerKey): Promise<string> => {
    const { rows } = await db.execute<{ id: string }>(sql`
      insert into upstreams (id, tenant_id, name, fingerprint)
      values (${createId()}, ${tenantId}, ${name}, ${fingerprint})
      on conflict (tenant_id, name, fingerprint) do update set name = excluded.name
      returning id`);
    return rows[0]?.id ?? '';
  };

  const insertPins = async (
    upstreamId: string,
    pins: readonly NewPin[],
    approvedBy: string | null,
  ): Promise<void> => {
    for (const portion of toPortions(pins)) {
      const column = <T>(read: (pin: Portioned) => T) => sql.param(portion.map(read));
      await db.execute(sql`
        insert into pins (id, tenant_id, upstream_id, kind, name, hash, definition, first_seen_at, approved_at, approved_by)
        select p.id, ${tenantId}, ${upstreamId}, p.kind, p.name, p.hash, p.definition::json, p.seen,
          case when ${approvedBy}::uuid is not null then now() end, ${approvedBy}::uuid
        from unnest(${column(() => createId())}::uuid[], ${column(({ entry }) => entry.kind)}::text[],
          ${column(({ entry }) => entry.name)}::text[], ${column(({ entry }) => entry.hash)}::text[],
          ${column(({ text }) => text)}::text[],
          ${column(({ firstSeenAt }) => new Date(firstSeenAt).toISOString())}::timestamptz[])
          as p (id, kind, name, hash, definition, seen)
        on conflict (upstream_id, kind, name, hash) do update
          set approved_at = excluded.approved_at, approved_by = excluded.approved_by
          where excluded.approved_at is not null`);
    }
  };

  return {
    async offer(server) {
      const [row] = await db
        .select({ offer: upstreams.offer })
        .from(upstreams)
        .where(isServer(server));
      return (row?.offer ?? undefined) as Offer | undefined; // written by save, from an Offer
    },
    async pins(server) {
      const id = await findId(server);
      if (id === undefined) return [];
      const { rows } = await db.execute<PinRow>(sql`
        select kind, name, hash, approved_at is not null as approved,
          extract(epoch from first_seen_at)::float8 * 1000 as "firstSeenAt"
        from pins where upstream_id = ${id} order by first_seen_at, id`);
      return rows;
    },
    async save(server, offer, pins) {
      const id = await ensureRow(server);
      await insertPins(id, pins, null);
      const text = await inSlices(writeOffer(offer));
      const { name, version } = offer.serverInfo;
      await db.execute(sql`
        update upstreams set server_name = ${name}, server_version = ${version}, offer = ${text}::json, offer_at = now()
        where id = ${id}`);
      await db.execute(sql`
        delete from pins where id in (
          select id from pins where upstream_id = ${id} and approved_at is null
          order by first_seen_at desc, id desc offset ${MOST_PINS})`);
    },
    async approve(server, pins, by) {
      await insertPins(await ensureRow(server), pins, by);
    },
    async approvedBefore(server, entries) {
      const id = await findId(server);
      if (id === undefined || entries.length === 0) return new Map();
      const { rows } = await db.execute<Pick<Entry, 'kind' | 'name' | 'definition'>>(sql`
        select distinct on (kind, name) kind, name, definition from pins
        where upstream_id = ${id} and approved_at is not null
          and (kind, name) in (select * from unnest(
            ${sql.param(entries.map(({ kind }) => kind))}::text[],
            ${sql.param(entries.map(({ name }) => name))}::text[]))
        order by kind, name, approved_at desc`);
      return new Map(rows.map((row) => [toEntryKey(row), row.definition]));
    },
  };
}

/** A type, since drizzle wants one with an index signature. */
type PinRow = {
  kind: Pin['kind'];
  name: string;
  hash: string;
  approved: boolean;
  firstSeenAt: number;
};

type Portioned = NewPin & { readonly text: string };

function* toPortions(pins: readonly NewPin[]): Generator<readonly Portioned[]> {
  let portion: Portioned[] = [];
  let characters = 0;
  for (const pin of pins) {
    const text = JSON.stringify(pin.entry.definition);
    portion.push({ ...pin, text });
    characters += text.length;
    if (portion.length < PORTION_ROWS && characters < PORTION_CHARACTERS) continue;
    yield portion;
    portion = [];
    characters = 0;
  }
  if (portion.length > 0) yield portion;
}

/** The offer as JSON, written entry by entry. */
function* writeOffer(offer: Offer): Generator<undefined, string> {
  const { tools, resources, resourceTemplates, prompts, ...rest } = offer;
  const parts = [JSON.stringify(rest).slice(0, -1)];
  for (const [key, entries] of Object.entries({ tools, resources, resourceTemplates, prompts })) {
    parts.push(`,"${key}":[`);
    for (const [index, entry] of entries.entries()) {
      parts.push(index === 0 ? JSON.stringify(entry) : `,${JSON.stringify(entry)}`);
      yield;
    }
    parts.push(']');
  }
  return `${parts.join('')}}`;
}
