// Who asks. Keys are verified against the store and remembered for a few seconds, so that the hot
// path makes no query; a key revoked here is forgotten at once, one revoked by another bridge of the
// same database within that time.
import { and, desc, eq, isNull } from 'drizzle-orm';
import type { Principal } from '../calls/call.ts';
import { DrawbridgeError } from '../errors.ts';
import type { Database } from '../store/store.ts';
import { keys, tenants, users } from '../store/tables/index.ts';
import { createKey, isKey, toKeyHash } from './key.ts';

const REMEMBER_MS = 10_000;
const REMEMBER_AT_MOST = 10_000;
const USED_INTERVAL_MS = 60_000;

export interface KeyInfo {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly role: Principal['role'];
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface NewKey {
  readonly name: string;
  readonly role: Principal['role'];
  readonly expiresAt?: Date;
}

export interface Principals {
  /** The default tenant, made at the first start. */
  readonly tenantId: string;
  /** The principal behind a key; undefined when it is unknown, expired or revoked. */
  verify(key: string): Promise<Principal | undefined>;
  /** Makes sure that `key` (or a fresh one, when it is missing or no longer valid) is the named user's. */
  ensureKey(role: Principal['role'], key: string | undefined): Promise<string>;
  createKey(tenantId: string, key: NewKey): Promise<{ id: string; key: string }>;
  listKeys(tenantId: string): Promise<readonly KeyInfo[]>;
  /** Rejects with `request/not_found` when the tenant has no such key. */
  revokeKey(tenantId: string, id: string): Promise<void>;
}

interface PrincipalsOptions {
  readonly db: Database;
  readonly createId: () => string;
  readonly now?: () => number;
}

export async function createPrincipals({
  db,
  createId,
  now = Date.now,
}: PrincipalsOptions): Promise<Principals> {
  const remembered = new Map<
    string,
    { principal: Principal | undefined; until: number; expires: number; usedAt: number }
  >();
  const tenantId = await ensureTenant(db, createId());
  const userIds = {
    operator: await ensureUser(db, {
      id: createId(),
      tenantId,
      name: 'operator',
      role: 'operator',
    }),
    member: await ensureUser(db, { id: createId(), tenantId, name: 'member', role: 'member' }),
  };

  const look = async (hash: Buffer) => {
    const [row] = await db
      .select({ key: keys, user: users })
      .from(keys)
      .innerJoin(users, eq(users.id, keys.userId))
      .where(and(eq(keys.hash, hash), isNull(keys.revokedAt), isNull(users.disabledAt)));
    return row;
  };

  const insert = async (
    owner: { tenantId: string; userId: string },
    key: string,
    { name, expiresAt }: Omit<NewKey, 'role'>,
  ) => {
    const id = createId();
    await db
      .insert(keys)
      .values({ id, ...owner, name, hash: toKeyHash(key), ...(expiresAt && { expiresAt }) })
      .onConflictDoNothing();
    return id;
  };

  return {
    tenantId,
    async verify(key) {
      const time = now();
      const known = remembered.get(key);
      if (known !== undefined && known.until > time) {
        return known.expires > time ? known.principal : undefined;
      }
      if (!isKey(key)) return undefined;
      const row = await look(toKeyHash(key));
      const expires = row?.key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
      const principal: Principal | undefined = row && {
        id: row.user.id,
        tenantId: row.user.tenantId,
        name: row.user.name,
        role: row.user.role,
        keyId: row.key.id,
      };
      const usedAt = known?.usedAt ?? 0;
      const isUse = row !== undefined && time - usedAt > USED_INTERVAL_MS;
      if (remembered.size >= REMEMBER_AT_MOST) remembered.clear();
      remembered.set(key, {
        principal,
        until: time + REMEMBER_MS,
        expires,
        usedAt: isUse ? time : usedAt,
      });
      if (isUse)
        await db
          .update(keys)
          .set({ lastUsedAt: new Date(time) })
          .where(eq(keys.id, row.key.id));
      return expires > time ? principal : undefined;
    },
    async ensureKey(role, key) {
      if (key !== undefined && isKey(key)) {
        const [row] = await db
          .select()
          .from(keys)
          .where(eq(keys.hash, toKeyHash(key)));
        const isValid =
          row?.revokedAt === null && (row.expiresAt === null || row.expiresAt.getTime() > now());
        if (isValid) return key;
        if (row === undefined) {
          await insert({ tenantId, userId: userIds[role] }, key, { name: `${role} of this home` });
          return key;
        }
      }
      const fresh = createKey();
      await insert({ tenantId, userId: userIds[role] }, fresh, { name: `${role} of this home` });
      return fresh;
    },
    async createKey(ownerTenant, { name, role, expiresAt }) {
      const key = createKey();
      const userId =
        ownerTenant === tenantId
          ? userIds[role]
          : await ensureUser(db, { id: createId(), tenantId: ownerTenant, name: role, role });
      const id = await insert({ tenantId: ownerTenant, userId }, key, {
        name,
        ...(expiresAt && { expiresAt }),
      });
      return { id, key };
    },
    async listKeys(ownerTenant) {
      const rows = await db
        .select({ key: keys, user: users })
        .from(keys)
        .innerJoin(users, eq(users.id, keys.userId))
        .where(eq(keys.tenantId, ownerTenant))
        .orderBy(desc(keys.id));
      return rows.map(({ key, user }) => ({
        id: key.id,
        name: key.name,
        user: user.name,
        role: user.role,
        createdAt: key.createdAt,
        lastUsedAt: key.lastUsedAt,
        expiresAt: key.expiresAt,
        revokedAt: key.revokedAt,
      }));
    },
    async revokeKey(ownerTenant, id) {
      const revoked = await db
        .update(keys)
        .set({ revokedAt: new Date(now()) })
        .where(and(eq(keys.id, id), eq(keys.tenantId, ownerTenant), isNull(keys.revokedAt)))
        .returning({ id: keys.id });
      if (revoked.length === 0) {
        throw new DrawbridgeError(
          'request/not_found',
          `There is no valid key ${id}; GET /v1/keys lists them.`,
        );
      }
      remembered.clear();
    },
  };
}

async function ensureTenant(db: Database, id: string): Promise<string> {
  await db.insert(tenants).values({ id, name: 'default' }).onConflictDoNothing();
  const [row] = await db
    .select({ id: tenants.id })
    .from(tenants)
    .where(eq(tenants.name, 'default'));
  if (row === undefined)
    throw new DrawbridgeError('store/unavailable', 'The default tenant is missing.');
  return row.id;
}

async function ensureUser(db: Database, user: typeof users.$inferInsert): Promise<string> {
  await db.insert(users).values(user).onConflictDoNothing();
  const [row] = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.tenantId, user.tenantId), eq(users.name, user.name)));
  if (row === undefined)
    throw new DrawbridgeError('store/unavailable', `The user ${user.name} is missing.`);
  return row.id;
}
