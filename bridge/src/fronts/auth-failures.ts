// Security events for refused requests: at most one a second and reason, with how many there were, so
// that somebody who tries keys by the thousand is seen and cannot fill the log.
import type { AuthEvent } from './http-env.ts';

const INTERVAL_MS = 1_000;

export interface AuthFailures {
  /** Counts a refusal; the first one is recorded at once, later ones with the next event. */
  note(reason: string): void;
  close(): void;
}

export function createAuthFailures(record: (event: AuthEvent) => void): AuthFailures {
  const counts = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = counts.size === 0 ? undefined : setTimeout(flush, INTERVAL_MS);
    for (const [reason, count] of counts)
      record({ type: 'auth.failed', payload: { reason, count } });
    counts.clear();
  };

  return {
    note(reason) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      if (timer === undefined) flush();
    },
    close: () => clearTimeout(timer),
  };
}
