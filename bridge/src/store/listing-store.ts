// What is kept of a server between starts: what it listed last, as JSON, and its pins. Keyed by the
// server's configuration, so a changed entry begins anew. A server may list 20,000 entries of each kind,
// so rows go in portions, as arrays.
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from './store.ts';
import { upstreams, type pins } from './tables/index.ts';

export interface ServerKey {
  readonly name: string;
  readonly fingerprint: string;
}

type PinColumns = typeof pins.$inferSelect;
/** What a server lists under a name. */
export type DefinitionRow = Pick<PinColumns, 'kind' | 'name' | 'hash' | 'definition'>;

export interface PinRow extends Pick<PinColumns, 'kind' | 'name' | 'hash'> {
  readonly approved: boolean;
  /** Milliseconds since 1970. */
  readonly firstSeenAt: number;
}

/** An entry to pin, and since when its name is known. */
export interface NewPin {
  readonly entry: DefinitionRow;
  readonly firstSeenAt: number;
}

/** What a server listed, as JSON text, and what it calls itself. */
export interface NewListing {
  readonly name: string;
  readonly version: string;
  readonly text: string;
}

/** Every query rejects with `store/unavailable` while the database is away. */
export interface ListingStore {
  /** What was saved last, parsed. */
  find(server: ServerKey): Promise<unknown>;
  pins(server: ServerKey): Promise<readonly PinRow[]>;
  save(server: ServerKey, listing: NewListing, pins: readonly NewPin[]): Promise<void>;
  /** Pins what is not pinned yet, and marks all as approved by a user. */
  approve(server: ServerKey, pins: readonly NewPin[], by: string): Promise<void>;
  /** The definitions approved last under the names of these entries. */
  approvedBefore(
    server: ServerKey,
    entries: readonly Pick<DefinitionRow, 'kind' | 'name'>[],
  ): Promise<readonly Pick<DefinitionRow, 'kind' | 'name' | 'definition'>[]>;
}

interface ListingStoreOptions {
  readonly db: Database;
  readonly tenantId: string;
  readonly createId: () => string;
}

const PORTION_ROWS = 500;
const PORTION_CHARACTERS = 512 * 1024;
/** Unapproved pins of one server that are kept, the newest first. */
const MAX_PINS = 100_000;

export function createListingStore({ db, tenantId, createId }: ListingStoreOptions): ListingStore {
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
    added: readonly NewPin[],
    approvedBy: string | null,
  ): Promise<void> => {
    for (const portion of toPortions(added)) {
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
    async find(server) {
      const [row] = await db
        .select({ offer: upstreams.offer })
        .from(upstreams)
        .where(isServer(server));
      return row?.offer ?? undefined;
    },
    async pins(server) {
      const id = await findId(server);
      if (id === undefined) return [];
      // drizzle wants a type with an index signature, which an interface has not.
      const { rows } = await db.execute<Pick<PinRow, keyof PinRow>>(sql`
        select kind, name, hash, approved_at is not null as approved,
          extract(epoch from first_seen_at)::float8 * 1000 as "firstSeenAt"
        from pins where upstream_id = ${id} order by first_seen_at, id`);
      return rows;
    },
    async save(server, { name, version, text }, added) {
      const id = await ensureRow(server);
      await insertPins(id, added, null);
      await db.execute(sql`
        update upstreams set server_name = ${name}, server_version = ${version}, offer = ${text}::json, offer_at = now()
        where id = ${id}`);
      await db.execute(sql`
        delete from pins where id in (
          select id from pins where upstream_id = ${id} and approved_at is null
          order by first_seen_at desc, id desc offset ${MAX_PINS})`);
    },
    async approve(server, added, by) {
      await insertPins(await ensureRow(server), added, by);
    },
    async approvedBefore(server, entries) {
      const id = await findId(server);
      if (id === undefined || entries.length === 0) return [];
      const { rows } = await db.execute<Pick<DefinitionRow, 'kind' | 'name' | 'definition'>>(sql`
        select distinct on (kind, name) kind, name, definition from pins
        where upstream_id = ${id} and approved_at is not null
          and (kind, name) in (select * from unnest(
            ${sql.param(entries.map(({ kind }) => kind))}::text[],
            ${sql.param(entries.map(({ name }) => name))}::text[]))
        order by kind, name, approved_at desc`);
      return rows;
    },
  };
}

type Portioned = NewPin & { readonly text: string };

function* toPortions(added: readonly NewPin[]): Generator<readonly Portioned[]> {
  let portion: Portioned[] = [];
  let characters = 0;
  for (const pin of added) {
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
