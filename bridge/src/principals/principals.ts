// Who asks. Keys are verified against the store and remembered for a few seconds, so that the hot
// path makes no query; a change of any key or user, by whichever bridge of the database, makes all be
// forgotten at once. What a key opened is ended with it (live-keys.ts).
import type { Logger } from 'pino';
import type { Principal } from './caller.ts';
import { DrawbridgeError } from '../errors.ts';
import type { KeyStore } from '../store/key-store.ts';
import { createKey, isKey, toKeyHash } from './key.ts';
import { createKeyLookup } from './key-lookup.ts';
import { type EndOfKey, createLiveKeys } from './live-keys.ts';
import { isOwnUserName, toOwnUserName, userNameSchema } from './user-name.ts';

/** By the monotonic clock. */
const REMEMBER_MS = 10_000;
const REMEMBER_AT_MOST = 10_000;
const USED_INTERVAL_MS = 60_000;
/** The triggers of migration 0002 notify it. */
const CHANNEL = 'drawbridge_keys';

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

export interface Principals {
  /** The default tenant, made at the first start. */
  readonly tenantId: string;
  /** The principal behind a key; undefined when it is unknown, expired or revoked. */
  verify(key: string): Promise<Principal | undefined>;
  /**
   * Calls `onEnd` once, when the key of a verified principal is no longer good; returns how to let go.
   */
  hold(principal: Principal, onEnd: EndOfKey): () => void;
  /** Ends whatever is held, with any key. */
  endAll(reason: DrawbridgeError): void;
  /** Makes sure that `key` is good, else makes one: for the same user, when it was one's of this role. */
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
  close(): Promise<void>;
}

export interface PrincipalsOptions {
  readonly store: KeyStore;
  readonly createId: () => string;
  /** As the store's; without it, changes by other bridges are seen when they are looked for. */
  readonly listen?: (channel: string, handler: () => void) => Promise<() => Promise<void>>;
  readonly logger?: Logger;
  /** The wall clock, which dates of expiry are by. */
  readonly now?: () => number;
}

interface Remembered {
  readonly principal: Principal | undefined;
  readonly expiresAt: number;
  readonly until: number;
  /** What is remembered of a key ends with the key too. */
  readonly release: () => void;
}

export async function createPrincipals({
  store,
  createId,
  listen,
  logger,
  now = Date.now,
}: PrincipalsOptions): Promise<Principals> {
  const remembered = new Map<string, Remembered>();
  /** When a key's use was last written down, by its id. */
  const usedAt = new Map<string, number>();
  const expiries = new WeakMap<Principal, number>();
  /** Raised by each change: what was read before it is not remembered after it. */
  let changes = 0;
  const tenantId = await store.ensureTenant(createId());

  const forget = (key: string): void => {
    remembered.get(key)?.release();
    remembered.delete(key);
  };
  const recall = (key: string): Remembered | undefined => {
    const known = remembered.get(key);
    return known !== undefined && known.until > performance.now() ? known : undefined;
  };
  const toPrincipal = ({ principal, expiresAt }: Remembered): Principal | undefined =>
    expiresAt > now() ? principal : undefined;
  const forgetAll = (): void => {
    for (const { release } of remembered.values()) release();
    remembered.clear();
  };

  const live = createLiveKeys({
    now,
    logger,
    onLook() {
      const time = performance.now();
      for (const [key, { until }] of remembered) if (until <= time) forget(key);
    },
    async read(keyIds) {
      const rows = await store.findById(keyIds);
      return rows.map(({ key, user }) => ({
        keyId: key.id,
        userId: user.id,
        role: user.role,
        expiresAt: toTime(key.expiresAt),
        isRevoked: key.revokedAt !== null,
        isDisabled: user.disabledAt !== null,
      }));
    },
  });

  const onChange = async (): Promise<void> => {
    changes += 1;
    forgetAll();
    await live
      .check()
      .catch((error: unknown) =>
        logger?.warn({ err: error }, 'keys in use could not be looked at after a change'),
      );
  };
  const stopListening = await listen?.(CHANNEL, () => void onChange());

  const look = createKeyLookup({
    read: store.findValid,
    hashOf: ({ key }) => key.hash,
  });

  /** Not waited for: a key is good whether its use is written down or not. */
  const noteUse = (keyId: string): void => {
    const time = performance.now();
    if (time - (usedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < USED_INTERVAL_MS) return;
    if (usedAt.size >= REMEMBER_AT_MOST) usedAt.clear();
    usedAt.set(keyId, time);
    store
      .noteUse(keyId, new Date(now()))
      .catch((error: unknown) =>
        logger?.debug({ err: error }, 'the use of a key was not recorded'),
      );
  };

  const ensureUser = async (
    ownerTenant: string,
    { name, role, id = createId() }: { name: string; role: Principal['role']; id?: string },
  ): Promise<string> => {
    const row = await store.ensureUser({ id, tenantId: ownerTenant, name, role });
    if (row.role !== role) {
      throw conflict(`The user ${name} is ${toArticle(row.role)}; a user has one role.`);
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
    tenantId,
    async verify(key) {
      const known = recall(key);
      if (known !== undefined) return toPrincipal(known);
      if (!isKey(key)) return undefined;
      const before = changes;
      const row = await look(toKeyHash(key));
      // Somebody who asked at the same time may have had the answer first.
      const meanwhile = before === changes ? recall(key) : undefined;
      if (meanwhile !== undefined) return toPrincipal(meanwhile);
      const expiresAt = toTime(row?.key.expiresAt);
      const principal: Principal | undefined = row && {
        id: row.user.id,
        tenantId: row.user.tenantId,
        name: isOwnUserName(row.user.name) ? row.key.name : row.user.name,
        role: row.user.role,
        keyId: row.key.id,
      };
      if (principal !== undefined) expiries.set(principal, expiresAt);
      if (before === changes) {
        forget(key);
        if (remembered.size >= REMEMBER_AT_MOST) forgetAll();
        const release =
          principal === undefined
            ? () => {}
            : live.hold(principal, expiresAt, () => remembered.delete(key));
        const until = performance.now() + REMEMBER_MS;
        remembered.set(key, { principal, expiresAt, until, release });
      }
      if (row !== undefined) noteUse(row.key.id);
      return expiresAt > now() ? principal : undefined;
    },
    hold: (principal, onEnd) =>
      live.hold(principal, expiries.get(principal) ?? Number.POSITIVE_INFINITY, onEnd),
    endAll: live.endAll,
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
    async close() {
      live.close();
      await stopListening?.();
    },
  };
}

/** Milliseconds since 1970; without a date, never. */
function toTime(date: Date | null | undefined): number {
  return date?.getTime() ?? Number.POSITIVE_INFINITY;
}

function toArticle(role: Principal['role']): string {
  return role === 'operator' ? 'an operator' : 'a member';
}

function conflict(message: string): DrawbridgeError {
  return new DrawbridgeError('request/conflict', message);
}
