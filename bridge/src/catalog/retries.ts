// Asks servers again whose listing could not be had: after 5 s, and then less and less often. No call leads
// to a server without a listing, so nothing else would start it again.

export interface Retries {
  plan(name: string): void;
  /** Drops what is planned; every server begins at the shortest delay again. */
  clear(): void;
}

const DELAYS_MS = [5_000, 15_000, 60_000, 300_000];

export function createRetries(retry: (name: string) => void): Retries {
  const planned = new Map<string, { attempt: number; timer: NodeJS.Timeout }>();
  return {
    plan(name) {
      const { attempt = 0 } = planned.get(name) ?? {};
      const delay = DELAYS_MS[Math.min(attempt, DELAYS_MS.length - 1)];
      const timer = setTimeout(retry, delay, name).unref();
      planned.set(name, { attempt: attempt + 1, timer });
    },
    clear() {
      for (const { timer } of planned.values()) clearTimeout(timer);
      planned.clear();
    },
  };
}
