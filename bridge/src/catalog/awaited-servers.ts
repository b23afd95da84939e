// Servers that start anew because their settings changed. Calls wait for their new listing, 10 s at most: a
// server that does not come up fails its calls with what is wrong.

export interface AwaitedServers {
  readonly size: number;
  /** Replaces the awaited servers; whoever waits for another one goes on. */
  set(names: readonly string[]): void;
  /** The server has its listing, or will not have one soon: whoever waits for it goes on. */
  delete(name: string): void;
  /** Undefined for a server that is not awaited. Never rejects. */
  wait(name: string, signal: AbortSignal): Promise<void> | undefined;
}

const MAX_WAIT_MS = 10_000;

export function createAwaitedServers(): AwaitedServers {
  const awaited = new Map<string, Set<() => void>>();

  const remove = (name: string): void => {
    const waiting = awaited.get(name);
    awaited.delete(name);
    for (const goOn of waiting ?? []) goOn();
  };

  return {
    get size() {
      return awaited.size;
    },
    set(names) {
      const wanted = new Set(names);
      for (const name of awaited.keys()) if (!wanted.has(name)) remove(name);
      for (const name of wanted) if (!awaited.has(name)) awaited.set(name, new Set());
    },
    delete: remove,
    wait(name, signal) {
      const waiting = awaited.get(name);
      if (waiting === undefined) return undefined;
      return new Promise((resolve) => {
        const goOn = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', goOn);
          waiting.delete(goOn);
          resolve();
        };
        const timer = setTimeout(goOn, MAX_WAIT_MS);
        waiting.add(goOn);
        signal.addEventListener('abort', goOn, { once: true });
        if (signal.aborted) goOn();
      });
    },
  };
}
