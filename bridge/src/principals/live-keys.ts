// What a key opened ends with the key. Streams and calls hold the key they came with. When it expires, is
// revoked, or its user is disabled or changes, all its holders are told, on every bridge of the database.
// The database notifies of a change (migration 0002). Held keys are also checked twice a second, so a lost
// notification costs half a second.
import type { Logger } from 'pino';
import type { Principal } from './caller.ts';
import { DrawbridgeError, toMessage } from '../errors.ts';

/** What the store says of a key. */
export interface KeyState {
  readonly keyId: string;
  readonly userId: string;
  readonly role: Principal['role'];
  /** Milliseconds since 1970; infinite without an end. */
  readonly expiresAt: number;
  readonly isRevoked: boolean;
  readonly isDisabled: boolean;
}

/** Told once, with an error that says why the key is no longer good, or that the bridge is stopping. */
export type EndOfKey = (reason: DrawbridgeError) => void;

export interface LiveKeys {
  hold(principal: Principal, expiresAt: number, onEnd: EndOfKey): () => void;
  /** Checks all keys that are held; resolves when those that are no longer valid have ended. */
  check(): Promise<void>;
  /** Ends whatever is held, with any key. */
  endAll(reason: DrawbridgeError): void;
  close(): void;
}

export interface LiveKeysOptions {
  /** The keys there are among these. */
  readonly read: (keyIds: readonly string[]) => Promise<readonly KeyState[]>;
  /** Called before each check, to let go of what is held no longer. */
  readonly onCheck: () => void;
  readonly now: () => number;
  readonly logger: Logger | undefined;
}

interface Held {
  readonly principal: Principal;
  expiresAt: number;
  readonly ends: Set<EndOfKey>;
}

/** Far below the longest wait of a timer (24.8 days), so a date of any distance is met. */
const CHECK_MS = 500;

export function createLiveKeys({ read, onCheck, now, logger }: LiveKeysOptions): LiveKeys {
  const held = new Map<string, Held>();
  let timer: NodeJS.Timeout | undefined;
  let wakesAt = 0;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | undefined;
  let isDue = false;
  let closed = false;

  const endWith = (key: Held, reason: DrawbridgeError): void => {
    held.delete(key.principal.keyId);
    for (const onEnd of key.ends) onEnd(reason);
  };

  const end = (key: Held, why: string): void =>
    endWith(key, new DrawbridgeError('auth/invalid', why));

  const endExpired = (): void => {
    const time = now();
    for (const key of held.values()) if (key.expiresAt <= time) end(key, 'The key has expired.');
  };

  const checkHeld = async (): Promise<void> => {
    do {
      isDue = false;
      checkedAt = performance.now();
      onCheck();
      const asked = [...held.values()];
      if (asked.length === 0) return;
      const states = await read(asked.map(({ principal }) => principal.keyId));
      const byId = new Map(states.map((state) => [state.keyId, state]));
      for (const key of asked) {
        const state = byId.get(key.principal.keyId);
        const why = toIssue(state, key.principal);
        if (why !== undefined) end(key, why);
        key.expiresAt = state?.expiresAt ?? key.expiresAt;
      }
      endExpired();
    } while (isDue);
  };

  const check = (): Promise<void> => {
    isDue = true;
    checking ??= checkHeld().finally(() => {
      checking = undefined;
    });
    return checking;
  };

  const tick = (): void => {
    timer = undefined;
    endExpired();
    if (checking === undefined && performance.now() - checkedAt >= CHECK_MS) {
      check().catch((error: unknown) =>
        logger?.debug(`keys in use could not be looked at: ${toMessage(error)}`),
      );
    }
    scheduleNext();
  };

  const scheduleNext = (): void => {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of held.values()) next = Math.min(next, expiresAt);
    if (held.size > 0) schedule(next - now());
  };

  /** Checks again after this long at the latest. */
  const schedule = (ms: number): void => {
    const wait = Math.max(Math.min(ms, CHECK_MS), 1);
    const at = performance.now() + wait;
    if (closed || (timer !== undefined && wakesAt <= at)) return;
    clearTimeout(timer);
    wakesAt = at;
    timer = setTimeout(tick, wait).unref();
  };

  return {
    hold(principal, expiresAt, onEnd) {
      let key = held.get(principal.keyId);
      if (key === undefined) {
        key = { principal, expiresAt, ends: new Set() };
        held.set(principal.keyId, key);
        schedule(expiresAt - now());
      }
      const { ends } = key;
      ends.add(onEnd);
      return () => {
        ends.delete(onEnd);
        if (ends.size === 0 && held.get(principal.keyId)?.ends === ends)
          held.delete(principal.keyId);
      };
    },
    check,
    endAll(reason) {
      for (const key of held.values()) endWith(key, reason);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Why a key is no longer what it was when it opened something; undefined when it is. */
function toIssue(state: KeyState | undefined, { id, role }: Principal): string | undefined {
  if (state === undefined || state.isRevoked) return 'The key was revoked.';
  if (state.isDisabled) return 'The user of the key was disabled.';
  if (state.userId !== id || state.role !== role) return 'The key was given to another user.';
  return undefined;
}
