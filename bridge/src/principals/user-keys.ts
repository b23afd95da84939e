// The keys of users: made, listed, revoked. principals.ts finds the principal behind a key.
import { DrawbridgeError } from '../errors.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { Principal } from './caller.ts';
import { createKey, isKey, toKeyHash } from './key.ts';
import { toOwnUserName, userNameSchema } from './user-name.ts';

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
  /** The user it belongs to, who is made when new; without one the key is a user of its own. */
  readonly user?: string;
  readonly expiresAt?: Date;
}

export interface UserKeys {
  /**
   * Returns `key` where it is valid, else a new key. That is for the same user, where the user of `key` has
   * this role.
   */
  ensureKey(role: Principal['role'], key: string | undefined): Promise<string>;
  /**
   * Rejects with `request/invalid` for a name that no user may have, `request/conflict` when the user
   * has another role or is disabled.
   */
  createKey(tenantId: string, key: NewKey): Promise<{ id: string; key: string }>;
  listKeys(tenantId: string): Promise<readonly KeyInfo[]>;
  /** Rejects with `request/not_found` when the tenant has no such key. */
  revokeKey(tenantId: string, id: string): Promise<void>;
  /** All keys of the user are refused from now on. Rejects with `request/not_found`. */
  disableUser(tenantId: string, name: string): Promise<void>;
}

export interface UserKeysOptions {
  readonly store: KeyStore;
  readonly createId: () => string;
  /** Whose the keys of the home are. */
  readonly tenantId: string;
  /** The wall clock. */
  readonly now: () => number;
  /** Told of each change; resolves when what had to end has ended. */
  readonly onChange: () => Promise<void>;
}

export function createUserKeys({
  store,
  createId,
  tenantId,
  now,
  onChange,
}: UserKeysOptions): UserKeys {
  const ensureUser = async (
    ownerTenant: string,
    { name, role, id = createId() }: { name: string; role: Principal['role']; id?: string },
  ): Promise<string> => {
    const row = await store.ensureUser({ id, tenantId: ownerTenant, name, role });
    if (row.role !== role) {
      throw conflict(`The user ${name} is ${withArticle(row.role)}; a user has one role.`);
    }
    if (row.disabledAt !== null) throw conflict(`The user ${name} was disabled.`);
    return row.id;
  };

  /** Keeps a key, for a user of its own when none is given; another start may have kept it already. */
  const insert = async (
    ownerTenant: string,
    key: string,
    { name, role, expiresAt, userId }: NewKey & { readonly userId?: string },
  ): Promise<string> => {
    const id = createId();
    await store.insert({
      id,
      tenantId: ownerTenant,
      userId: userId ?? (await ensureUser(ownerTenant, { name: toOwnUserName(id), role, id })),
      name,
      hash: toKeyHash(key),
      ...(expiresAt && { expiresAt }),
    });
    return id;
  };

  return {
    async ensureKey(role, key) {
      const made = { name: `${role} of this home`, role };
      if (key === undefined || !isKey(key)) {
        const fresh = createKey();
        await insert(tenantId, fresh, made);
        return fresh;
      }
      const row = await store.find(toKeyHash(key));
      if (row === undefined) {
        await insert(tenantId, key, made);
        return key;
      }
      const isOpen = row.user.disabledAt === null;
      if (isOpen && row.key.revokedAt === null && toTime(row.key.expiresAt) > now()) return key;
      const fresh = createKey();
      const isSame = isOpen && row.user.role === role && row.user.tenantId === tenantId;
      await insert(tenantId, fresh, { ...made, ...(isSame && { userId: row.user.id }) });
      return fresh;
    },
    async createKey(ownerTenant, { user, ...rest }) {
      const key = createKey();
      if (user === undefined) return { id: await insert(ownerTenant, key, rest), key };
      const name = userNameSchema.safeParse(user);
      if (!name.success) {
        const [issue] = name.error.issues;
        throw new DrawbridgeError('request/invalid', `user: ${issue?.message ?? 'no name'}`);
      }
      const userId = await ensureUser(ownerTenant, { name: name.data, role: rest.role });
      return { id: await insert(ownerTenant, key, { ...rest, userId }), key };
    },
    async listKeys(ownerTenant) {
      const rows = await store.list(ownerTenant);
      return rows.map(({ key, user }) => ({
        id: key.id,
        name: key.name,
        user: user.name,
        role: user.role,
        createdAt: key.createdAt,
        lastUsedAt: key.lastUsedAt,
        expiresAt: key.expiresAt,
        revokedAt: key.revokedAt ?? user.disabledAt,
      }));
    },
    async revokeKey(ownerTenant, id) {
      if (!(await store.revoke(ownerTenant, id, new Date(now())))) {
        throw new DrawbridgeError(
          'request/not_found',
          `There is no valid key ${id}; GET /v1/keys lists them.`,
        );
      }
      await onChange();
    },
    async disableUser(ownerTenant, name) {
      if (!(await store.disableUser(ownerTenant, name, new Date(now())))) {
        throw new DrawbridgeError(
          'request/not_found',
          `There is no user ${name}, or it is disabled; GET /v1/keys tells the users of keys.`,
        );
      }
      await onChange();
    },
  };
}

/** Milliseconds since 1970; without a date, never. */
export function toTime(date: Date | null | undefined): number {
  return date?.getTime() ?? Number.POSITIVE_INFINITY;
}

function withArticle(role: Principal['role']): string {
  return role === 'operator' ? 'an operator' : 'a member';
}

function conflict(message: string): DrawbridgeError {
  return new DrawbridgeError('request/conflict', message);
}
