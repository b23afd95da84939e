// Limits the answers that callers leave unread. Each connection has an account of the bytes that wait for its
// caller, in the socket and before it. A caller that leaves too much unread, or takes no byte for too long,
// loses the connection; one that reads slowly but steadily gets everything.
import type { Socket } from 'node:net';
import { CompactingMap } from '../flow/compacting-map.ts';

export interface UnreadLimits {
  /** Bytes of one principal, over all its connections. */
  readonly own: number;
  /** Bytes of all principals. */
  readonly all: number;
  /** A connection that takes no byte for this long is closed. */
  readonly timeoutMs: number;
}

export interface UnreadAnswersOptions {
  /** Read each time, since settings change. */
  readonly limits: () => UnreadLimits;
  /** Called with the reason when a connection was closed. */
  readonly onClose: (reason: string) => void;
}

export interface UnreadAccount {
  /**
   * Sets how many bytes wait now. Closes connections when that is too many.
   * @param isOne whether all of them are one answer, which may be as large as a server's largest message
   */
  set(bytes: number, isOne?: boolean): void;
}

export interface UnreadAnswers {
  /** The account of a connection, counted for `owner` from now on. */
  accountOf(socket: Socket, owner: string): UnreadAccount;
  close(): void;
}

const CHECK_MS = 1_000;

interface Entry {
  readonly socket: Socket;
  owner: string;
  bytes: number;
  isOne: boolean;
  /** When the caller last took something, on the monotonic clock. */
  tookAt: number;
}

export function createUnreadAnswers({ limits, onClose }: UnreadAnswersOptions): UnreadAnswers {
  const accounts = new WeakMap<Socket, Entry & UnreadAccount>();
  const owned = new CompactingMap<string, number>();
  /** Connections with unread bytes; the one that has taken none for the longest time comes first. */
  const waiting = new Set<Entry>();
  let total = 0;
  let timer: NodeJS.Timeout | undefined;

  const change = (entry: Entry, bytes: number): void => {
    const added = bytes - entry.bytes;
    entry.bytes = bytes;
    total += added;
    const own = (owned.get(entry.owner) ?? 0) + added;
    if (own > 0) owned.set(entry.owner, own);
    else owned.delete(entry.owner);
  };
  const destroy = (entry: Entry, reason: string): void => {
    waiting.delete(entry);
    change(entry, 0);
    entry.socket.destroy();
    onClose(reason);
  };
  const find = (test: (entry: Entry) => boolean): Entry | undefined => {
    for (const entry of waiting) if (test(entry)) return entry;
    return undefined;
  };
  /** One answer alone is never too much. */
  const isTooMuch = (bytes: number, limit: number, entry: Entry): boolean =>
    bytes > limit && !(entry.isOne && bytes === entry.bytes);

  const enforce = (entry: Entry): void => {
    const { own, all } = limits();
    const isOf = (other: Entry): boolean => other.owner === entry.owner;
    while (isTooMuch(owned.get(entry.owner) ?? 0, own, entry)) {
      const stalled = find(isOf) ?? entry;
      destroy(stalled, 'its principal left too many answers unread');
      if (stalled === entry) return;
    }
    while (isTooMuch(total, all, entry)) {
      const greedy = toLargest(owned);
      const stalled = find(({ owner }) => owner === greedy) ?? entry;
      destroy(stalled, 'too many answers were unread');
      if (stalled === entry) return;
    }
  };
  const check = (): void => {
    const { timeoutMs } = limits();
    const now = performance.now();
    for (const entry of waiting) {
      if (now - entry.tookAt < timeoutMs) break;
      destroy(entry, `it took no byte for ${timeoutMs / 1_000} s`);
    }
    if (waiting.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  const set = (entry: Entry, bytes: number, isOne: boolean): void => {
    if (bytes === entry.bytes || entry.socket.destroyed) return;
    const isMore = bytes > entry.bytes;
    const isNew = entry.bytes === 0;
    change(entry, bytes);
    entry.isOne = isOne;
    if (!isMore || isNew) {
      entry.tookAt = performance.now();
      waiting.delete(entry);
      if (bytes > 0) waiting.add(entry);
    }
    if (!isMore) return;
    // Bytes that callers took while the event loop was busy are counted before the check.
    timer ??= setInterval(() => setImmediate(check), CHECK_MS);
    enforce(entry);
  };

  return {
    accountOf(socket, owner) {
      const known = accounts.get(socket);
      if (known !== undefined) {
        if (known.owner !== owner) {
          const { bytes } = known;
          change(known, 0);
          known.owner = owner;
          change(known, bytes);
        }
        return known;
      }
      const entry: Entry & UnreadAccount = {
        socket,
        owner,
        bytes: 0,
        isOne: true,
        tookAt: 0,
        set: (bytes, isOne = true) => set(entry, bytes, isOne),
      };
      socket.once('close', () => {
        waiting.delete(entry);
        change(entry, 0);
      });
      accounts.set(socket, entry);
      return entry;
    },
    close: () => clearInterval(timer),
  };
}

function toLargest(owned: CompactingMap<string, number>): string | undefined {
  let largest: string | undefined;
  for (const owner of owned.keys())
    if (largest === undefined || (owned.get(owner) ?? 0) > (owned.get(largest) ?? 0))
      largest = owner;
  return largest;
}
