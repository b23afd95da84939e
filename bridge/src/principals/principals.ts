// Finds the principal behind a key. Keys are verified against the store and remembered for a few seconds, so
// that the hot path makes no query. When any bridge of the database changes a key or a user, all of them are
// forgotten at once. What a key opened ends with the key (live-keys.ts).
import type { Logger } from 'pino';
import type { Principal } from './caller.ts';
import type { DrawbridgeError } from '../errors.ts';
import type { KeyStore } from '../store/key-store.ts';
import { isKey, toKeyHash } from './key.ts';
import { createKeyLookup } from './key-lookup.ts';
import { type EndOfKey, createLiveKeys } from './live-keys.ts';
import { type RememberedKey, RememberedKeys } from './remembered-keys.ts';
import { isOwnUserName } from './user-name.ts';
import { type UserKeys, createUserKeys, toTime } from './user-keys.ts';

const USED_INTERVAL_MS = 60_000;
/** Keys whose last use is known. */
const MAX_USED = 10_000;
/** The triggers of migration 0002 notify it. */
const CHANNEL = 'drawbridge_keys';

export interface Principals extends UserKeys {
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

export async function createPrincipals({
  store,
  createId,
  listen,
  logger,
  now = Date.now,
}: PrincipalsOptions): Promise<Principals> {
  const remembered = new RememberedKeys();
  /** When a key's use was last written down, by its id. */
  const usedAt = new Map<string, number>();
  const expiries = new WeakMap<Principal, number>();
  /** Raised by each change: what was read before it is not remembered after it. */
  let changes = 0;
  const tenantId = await store.ensureTenant(createId());

  const toPrincipal = ({ principal, expiresAt }: RememberedKey): Principal | undefined =>
    expiresAt > now() ? principal : undefined;
  const live = createLiveKeys({
    now,
    logger,
    onCheck: () => remembered.forgetOld(),
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
    remembered.forgetAll();
    await live
      .check()
      .catch((error: unknown) =>
        logger?.warn({ err: error }, 'keys in use could not be looked at after a change'),
      );
  };
  const stopListening = await listen?.(CHANNEL, () => void onChange());

  const lookUp = createKeyLookup({
    read: store.findValid,
    hashOf: ({ key }) => key.hash,
  });

  /** Not waited for: a key is good whether its use is written down or not. */
  const noteUse = (keyId: string): void => {
    const time = performance.now();
    if (time - (usedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < USED_INTERVAL_MS) return;
    if (usedAt.size >= MAX_USED) usedAt.clear();
    usedAt.set(keyId, time);
    store
      .noteUse(keyId, new Date(now()))
      .catch((error: unknown) =>
        logger?.debug({ err: error }, 'the use of a key was not recorded'),
      );
  };

  const keys = createUserKeys({ store, createId, tenantId, now, onChange });

  return {
    tenantId,
    async verify(key) {
      const known = remembered.find(key);
      if (known !== undefined) return toPrincipal(known);
      if (!isKey(key)) return undefined;
      const before = changes;
      const row = await lookUp(toKeyHash(key));
      // Somebody who asked at the same time may have had the answer first.
      const meanwhile = before === changes ? remembered.find(key) : undefined;
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
        remembered.forget(key);
        const release =
          principal === undefined
            ? () => {}
            : live.hold(principal, expiresAt, () => remembered.drop(key));
        remembered.add(key, { principal, expiresAt }, release);
      }
      if (row !== undefined) noteUse(row.key.id);
      return expiresAt > now() ? principal : undefined;
    },
    hold: (principal, onEnd) =>
      live.hold(principal, expiries.get(principal) ?? Number.POSITIVE_INFINITY, onEnd),
    endAll: live.endAll,
    ...keys,
    async close() {
      live.close();
      await stopListening?.();
    },
  };
}
