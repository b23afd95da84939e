// Notifies listeners of a change: at once, and then at most once a second, always of the last one. What
// comes in between is one change to them, since they ask for the whole each time.

export interface ChangeNotifier {
  notify(): void;
  subscribe(listener: () => void): () => void;
}

const GAP_MS = 1_000;

export function createChangeNotifier(): ChangeNotifier {
  const listeners = new Set<() => void>();
  let notifiedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const notifyNow = (): void => {
    timer = undefined;
    notifiedAt = performance.now();
    for (const listener of listeners) listener();
  };

  return {
    notify() {
      if (timer !== undefined) return;
      const wait = notifiedAt + GAP_MS - performance.now();
      if (wait <= 0) notifyNow();
      else timer = setTimeout(notifyNow, wait).unref();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
