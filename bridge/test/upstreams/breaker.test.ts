// The back-off and the breaker on a fake clock.
import { describe, expect, it } from 'vitest';
import {
  OPEN_AFTER,
  admitStart,
  afterFailure,
  afterStartBegan,
  afterStarted,
  closedBreaker,
  toBreakerState,
  type Breaker,
} from '../../src/upstreams/breaker.ts';

const NOW = 1_000_000;

function failTimes(times: number, random = 1): Breaker {
  let breaker = closedBreaker;
  for (let n = 0; n < times; n += 1) breaker = afterFailure(breaker, NOW, random);
  return breaker;
}

describe('the breaker', () => {
  it('lets a healthy upstream start at once', () => {
    expect(admitStart(closedBreaker, NOW)).toEqual({ kind: 'pass' });
  });

  it('holds callers back for a moment after the first failures', () => {
    const once = failTimes(1);
    expect(toBreakerState(once, NOW)).toBe('closed');
    expect(admitStart(once, NOW)).toEqual({ kind: 'wait', ms: 250 });
    expect(admitStart(once, NOW + 250)).toEqual({ kind: 'pass' });
  });

  it('opens after several failures in a row and refuses until its time has come', () => {
    const open = failTimes(OPEN_AFTER);
    expect(toBreakerState(open, NOW)).toBe('open');
    expect(admitStart(open, NOW)).toEqual({ kind: 'refuse', retryAt: NOW + 1_000 });
    expect(toBreakerState(open, NOW + 1_000)).toBe('half_open');
    expect(admitStart(open, NOW + 1_000)).toEqual({ kind: 'pass' });
  });

  it('lets one trial through when half open', () => {
    const trial = afterStartBegan(failTimes(OPEN_AFTER), NOW + 1_000);
    expect(admitStart(trial, NOW + 1_000).kind).toBe('refuse');
    expect(admitStart(afterStarted(trial), NOW + 1_000).kind).toBe('pass');
  });

  it('waits twice as long after each further failure, up to a minute', () => {
    const delays = [1, 2, 3, 4, 5, 20].map((times) => failTimes(times).retryAt - NOW);
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 60_000]);
  });

  it('opens again at once when the trial fails, and for longer', () => {
    const trial = afterStartBegan(failTimes(OPEN_AFTER), NOW + 1_000);
    const failed = afterFailure(trial, NOW + 1_000, 1);
    expect(failed).toEqual({ failures: OPEN_AFTER + 1, retryAt: NOW + 3_000, trial: false });
  });

  it('spreads the delays over their upper half', () => {
    expect(failTimes(4, 0).retryAt - NOW).toBe(1_000);
    expect(failTimes(4, 0.5).retryAt - NOW).toBe(1_500);
  });
});
