// Which resources are being watched, for whom. One write makes a watcher speak several times, so a
// change is told once per resource and moment.
import type { CallContext } from './context.ts';
import type { Log } from './log.ts';
import type { ResourceProvider } from './server.ts';

/** Milliseconds within which changes of one resource are one change. */
const SETTLE_MS = 50;

export interface Subscriptions {
  /** Watches `uris` under `id`, all or none. @throws ToolError when one may not be watched. */
  open(id: string, uris: readonly string[], context: CallContext): Promise<void>;
  close(id: string): void;
  closeAll(): void;
}

export function createSubscriptions(
  provider: Pick<ResourceProvider, 'watch'>,
  tell: (uri: string) => Promise<void> | void,
  log: Log,
): Subscriptions {
  const watchers = new Map<string, (() => void)[]>();
  const settling = new Map<string, NodeJS.Timeout>();
  const opening = new Map<string, { isEnded: boolean }>();

  const changed = (uri: string): void => {
    if (settling.has(uri)) return;
    const timer = setTimeout(() => {
      settling.delete(uri);
      Promise.resolve(tell(uri)).catch((error: unknown) => {
        log('a change could not be told', { uri, error });
      });
    }, SETTLE_MS);
    settling.set(uri, timer);
  };
  const stop = (stops: readonly (() => void)[]): void => {
    for (const each of stops) each();
  };

  const subscriptions: Subscriptions = {
    async open(id, uris, context) {
      const stops: (() => void)[] = [];
      const mine = { isEnded: false };
      opening.set(id, mine);
      try {
        for (const uri of uris) {
          const end = await provider.watch?.(uri, context, () => changed(uri));
          if (end !== undefined) stops.push(end);
        }
      } catch (error) {
        stop(stops);
        throw error;
      } finally {
        if (opening.get(id) === mine) opening.delete(id);
      }
      if (mine.isEnded) {
        stop(stops);
        return;
      }
      subscriptions.close(id);
      watchers.set(id, stops);
    },
    close(id) {
      const begun = opening.get(id);
      if (begun !== undefined) begun.isEnded = true;
      stop(watchers.get(id) ?? []);
      watchers.delete(id);
    },
    closeAll() {
      for (const id of [...opening.keys(), ...watchers.keys()]) subscriptions.close(id);
      for (const timer of settling.values()) clearTimeout(timer);
      settling.clear();
    },
  };
  return subscriptions;
}
