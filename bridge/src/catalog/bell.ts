// Tells listeners of a change: at once, and then at most once a second, the last time included. What
// comes in between is one change to them, since they ask for the whole each time.

export interface Bell {
  ring(): void;
  subscribe(listener: () => void): () => void;
}

const GAP_MS = 1_000;

export function createBell(): Bell {
  const listeners = new Set<() => void>();
  let rungAt = Number.NEGATIVE_INFINITY;
  let later: NodeJS.Timeout | undefined;

  const tell = (): void => {
    later = undefined;
    rungAt = performance.now();
    for (const listener of listeners) listener();
  };

  return {
    ring() {
      if (later !== undefined) return;
      const wait = rungAt + GAP_MS - performance.now();
      if (wait <= 0) tell();
      else later = setTimeout(tell, wait).unref();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
