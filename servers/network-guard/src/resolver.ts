// All addresses of a name, from the system's resolver (its hosts file included). A lookup cannot be
// cancelled and holds a thread of Node's pool, so few run at once, and who stops waiting leaves the line.
import { lookup } from 'node:dns/promises';

export type Resolve = (
  hostname: string,
  options: { signal: AbortSignal },
) => Promise<readonly string[]>;

const MOST_AT_ONCE = 2;

export function createSystemResolver(): Resolve {
  let running = 0;
  const waiting = new Set<() => void>();

  const leave = () => {
    running -= 1;
    const [next] = waiting;
    if (next === undefined) return;
    waiting.delete(next);
    running += 1;
    next();
  };

  const enter = async (signal: AbortSignal) => {
    signal.throwIfAborted();
    if (running < MOST_AT_ONCE) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        waiting.delete(start);
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
      waiting.add(start);
    });
  };

  return async (hostname, { signal }) => {
    await enter(signal);
    // The thread is free when the lookup ends, not when its caller has gone.
    const found = lookup(hostname, { all: true }).finally(leave);
    return (await found).map(({ address }) => address);
  };
}
