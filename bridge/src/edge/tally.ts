// What happens by the thousand is told once a second, with how often it was: nobody can fill a log by
// being refused.
const INTERVAL_MS = 1_000;

export interface Tally {
  /** The first one is told at once, later ones together with the next. */
  note(reason: string): void;
  close(): void;
}

export function createTally(tell: (reason: string, count: number) => void): Tally {
  const counts = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = counts.size === 0 ? undefined : setTimeout(flush, INTERVAL_MS);
    for (const [reason, count] of counts) tell(reason, count);
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
