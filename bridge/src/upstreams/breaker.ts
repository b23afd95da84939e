// When a failing upstream may be started again: exponential back-off with jitter, and a breaker that
// opens after a few failures in a row. Pure functions of their input, so that a fake clock tests them.
// A start alone does not close the breaker (a server can start well and die at every call); an answer does.

export interface Breaker {
  /** Failures in a row since the last answer. */
  readonly failures: number;
  /** No start before this time, by `performance.now()`. */
  readonly retryAt: number;
  /** The one start that a half-open breaker lets through is under way. */
  readonly trial: boolean;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

/** `wait`: soon enough to hold the caller; `refuse`: fail at once and say when. */
export type Admission =
  | { readonly kind: 'pass' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'refuse'; readonly retryAt: number };

/** Failures in a row that open the breaker; below it a caller waits out the short back-off. */
export const OPEN_AFTER = 3;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 60_000;

export const closedBreaker: Breaker = { failures: 0, retryAt: 0, trial: false };

export function toBreakerState(breaker: Breaker, now: number): BreakerState {
  if (breaker.failures < OPEN_AFTER) return 'closed';
  return now < breaker.retryAt ? 'open' : 'half_open';
}

/** May a start begin now? */
export function admitStart(breaker: Breaker, now: number): Admission {
  switch (toBreakerState(breaker, now)) {
    case 'closed':
      return now < breaker.retryAt ? { kind: 'wait', ms: breaker.retryAt - now } : { kind: 'pass' };
    case 'open':
      return { kind: 'refuse', retryAt: breaker.retryAt };
    case 'half_open':
      return breaker.trial ? { kind: 'refuse', retryAt: now } : { kind: 'pass' };
  }
}

export function afterStartBegan(breaker: Breaker, now: number): Breaker {
  return toBreakerState(breaker, now) === 'half_open' ? { ...breaker, trial: true } : breaker;
}

/** The start worked; only an answer proves more than that. */
export function afterStarted(breaker: Breaker): Breaker {
  return breaker.trial ? { ...breaker, trial: false } : breaker;
}

/**
 * A start failed, or a live connection died.
 * @param random uniform in [0, 1); spreads the delay over its upper half
 */
export function afterFailure(breaker: Breaker, now: number, random: number): Breaker {
  const failures = breaker.failures + 1;
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), MAX_DELAY_MS);
  return { failures, retryAt: now + Math.round(delay * (0.5 + random / 2)), trial: false };
}
