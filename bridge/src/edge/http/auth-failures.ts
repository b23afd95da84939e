// Security events for refused keys: at most one a second for each reason, with the count, so that somebody who
// tries keys by the thousand is seen and cannot fill the log.
import { type Tally, createTally } from '../tally.ts';
import type { AuthEvent } from './http-env.ts';

export function createAuthFailures(record: (event: AuthEvent) => void): Tally {
  return createTally((reason, count) =>
    record({ type: 'auth.failed', payload: { reason, count } }),
  );
}
