// A budget, mostly of bytes, that all principals share, with a limit for each. What does not fit waits a second
// for its turn before it is refused, because in bursts of honest callers there is room again in milliseconds.
import { DrawbridgeError } from '../errors.ts';
import { CompactingMap } from '../flow/compacting-map.ts';
import { TurnQueue } from '../flow/turn-queue.ts';

export interface BudgetLimits {
  /** What one principal may hold. */
  readonly own: number;
  /** What all of them may hold. */
  readonly all: number;
}

export interface BudgetOptions {
  /** What is counted, as the error messages name it: "bodies being read". */
  readonly of: string;
  /** Read each time, since settings change. */
  readonly limits: () => BudgetLimits;
  readonly waitMs?: number;
}

export interface Budget {
  /**
   * Resolves to the function that gives the bytes back, which may be called twice.
   * Rejects with `policy/limit` when the principal is at its limit, with `request/busy` when all are, or with
   * the signal's reason.
   */
  take(owner: string, bytes: number, signal: AbortSignal): Promise<() => void>;
}

const WAIT_MS = 1_000;
/** Requests of one principal that may wait; further ones are refused at once. */
const MAX_WAITING = 256;
/**
 * Beyond the limit of all, for small requests of principals that hold nothing: those that fill the budget
 * cannot shut them out.
 */
const RESERVE_BYTES = 1024 * 1024;
const SMALL_BYTES = 64 * 1024;
/** Bytes that a principal's turn is worth (`FairQueue`). */
const TURN_BYTES = 64 * 1024;

export function createBudget({ of, limits, waitMs = WAIT_MS }: BudgetOptions): Budget {
  const held = new CompactingMap<string, number>();
  let total = 0;

  // A single request always fits: settings may allow a body that is larger than the limit here.
  const isOwnFree = (owner: string, bytes: number): boolean => {
    const own = held.get(owner) ?? 0;
    return own === 0 || own + bytes <= limits().own;
  };
  const isAllFree = (owner: string, bytes: number): boolean => {
    const isModest = bytes <= SMALL_BYTES && !held.get(owner);
    return total === 0 || total + bytes <= limits().all + (isModest ? RESERVE_BYTES : 0);
  };
  const fits = (owner: string, bytes: number): boolean =>
    isOwnFree(owner, bytes) && isAllFree(owner, bytes);

  const hold = (bytes: number, owner: string): void => {
    total += bytes;
    held.set(owner, (held.get(owner) ?? 0) + bytes);
  };
  const queue = new TurnQueue<number>({
    quantum: TURN_BYTES,
    mayBegin: (bytes, owner) => fits(owner, bytes),
    begin: hold,
  });
  const toRelease = (bytes: number, owner: string): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      total -= bytes;
      const left = (held.get(owner) ?? 0) - bytes;
      if (left > 0) held.set(owner, left);
      else held.delete(owner);
      queue.next();
    };
  };
  const refusal = (owner: string, bytes: number): DrawbridgeError =>
    isOwnFree(owner, bytes)
      ? new DrawbridgeError('request/busy', `There are too many ${of} now; try again in a second.`)
      : new DrawbridgeError(
          'policy/limit',
          `You have too many ${of} already; try again when one has ended.`,
        );

  return {
    async take(owner, bytes, signal) {
      if (queue.sizeOf(owner) === 0 && fits(owner, bytes)) {
        hold(bytes, owner);
        return toRelease(bytes, owner);
      }
      if (queue.sizeOf(owner) >= MAX_WAITING) throw refusal(owner, bytes);
      const waited = await queue.wait(owner, bytes, { signal, timeoutMs: waitMs, weight: bytes });
      if (waited === 'timed_out') throw refusal(owner, bytes);
      if (waited === 'cancelled') throw signal.reason;
      return toRelease(bytes, owner);
    },
  };
}
