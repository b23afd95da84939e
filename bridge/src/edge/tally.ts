// Reports what happens by the thousand at most once a second, with its count, so that nobody fills a log by
// being refused.
const INTERVAL_MS = 1_000;

export interface Tally {
  /** Reports the first occurrence at once, and those of each second after it together. */
  note(reason: string): void;
  close(): void;
}

export function createTally(report: (reason: string, count: number) => void): Tally {
  const counts = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = counts.size === 0 ? undefined : setTimeout(flush, INTERVAL_MS);
    for (const [reason, count] of counts) report(reason, count);
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
