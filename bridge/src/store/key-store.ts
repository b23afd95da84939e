// The rows of tenants, users and keys.
import { and, desc, eq, inArray, isNull } from 'drizzle-orm';
import { DrawbridgeError } from '../errors.ts';
import type { Database } from './store.ts';
import { keys, tenants, users } from './tables/index.ts';

export type KeyRow = typeof keys.$inferSelect;
export type UserRow = typeof users.$inferSelect;

export interface KeyOfUser {
  readonly key: KeyRow;
  readonly user: UserRow;
}

/** Every query rejects with `store/unavailable` while the database is away. */
export interface KeyStore {
  /** The id of the default tenant; `id` is taken where there is none yet. */
  ensureTenant(id: string): Promise<string>;
  /** The user of this name; the given one is kept where there is none yet. */
  ensureUser(user: Pick<UserRow, 'id' | 'tenantId' | 'name' | 'role'>): Promise<UserRow>;
  /** A key with the same hash stays as it is. */
  insert(key: typeof keys.$inferInsert): Promise<void>;
  find(hash: Buffer): Promise<KeyOfUser | undefined>;
  /** Those that are neither revoked nor a disabled user's. */
  findValid(hashes: readonly Buffer[]): Promise<readonly KeyOfUser[]>;
  findById(ids: readonly string[]): Promise<readonly KeyOfUser[]>;
  /** The newest first. */
  list(tenantId: string): Promise<readonly KeyOfUser[]>;
  noteUse(id: string, at: Date): Promise<void>;
  /** Whether there was such a key to revoke. */
  revoke(tenantId: string, id: string, at: Date): Promise<boolean>;
  /** Whether there was such a user to disable. */
  disableUser(tenantId: string, name: string, at: Date): Promise<boolean>;
}

export function createKeyStore(db: Database): KeyStore {
  const select = () =>
    db.select({ key: keys, user: users }).from(keys).innerJoin(users, eq(users.id, keys.userId));

  return {
    async ensureTenant(id) {
      await db.insert(tenants).values({ id, name: 'default' }).onConflictDoNothing();
      const [row] = await db
        .select({ id: tenants.id })
        .from(tenants)
        .where(eq(tenants.name, 'default'));
      if (row === undefined) throw missing('The default tenant');
      return row.id;
    },
    async ensureUser(user) {
      await db.insert(users).values(user).onConflictDoNothing();
      const [row] = await db
        .select()
        .from(users)
        .where(and(eq(users.tenantId, user.tenantId), eq(users.name, user.name)));
      if (row === undefined) throw missing(`The user ${user.name}`);
      return row;
    },
    async insert(key) {
      await db.insert(keys).values(key).onConflictDoNothing();
    },
    async find(hash) {
      const [row] = await select().where(eq(keys.hash, hash));
      return row;
    },
    findValid: (hashes) =>
      select().where(
        and(inArray(keys.hash, [...hashes]), isNull(keys.revokedAt), isNull(users.disabledAt)),
      ),
    findById: (ids) => select().where(inArray(keys.id, [...ids])),
    list: (tenantId) => select().where(eq(keys.tenantId, tenantId)).orderBy(desc(keys.id)),
    async noteUse(id, at) {
      await db.update(keys).set({ lastUsedAt: at }).where(eq(keys.id, id));
    },
    async revoke(tenantId, id, at) {
      const revoked = await db
        .update(keys)
        .set({ revokedAt: at })
        .where(and(eq(keys.id, id), eq(keys.tenantId, tenantId), isNull(keys.revokedAt)))
        .returning({ id: keys.id });
      return revoked.length > 0;
    },
    async disableUser(tenantId, name, at) {
      const disabled = await db
        .update(users)
        .set({ disabledAt: at })
        .where(and(eq(users.name, name), eq(users.tenantId, tenantId), isNull(users.disabledAt)))
        .returning({ id: users.id });
      return disabled.length > 0;
    },
  };
}

function missing(what: string): DrawbridgeError {
  return new DrawbridgeError('store/unavailable', `${what} is missing.`);
}
