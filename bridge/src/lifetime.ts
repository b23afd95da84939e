// Things close in the reverse order of their start, each once, and one that fails to close, or takes too
// long, does not keep the others open.
import { withTimeout } from './bounded-wait.ts';

const TOO_LONG = 'It took too long to close.';

/** @param leftMs how long it is waited for, in milliseconds; infinite where nobody is in a hurry */
export type Close = (leftMs: number) => void | Promise<void>;

export interface Lifetime {
  /**
   * Remembers how to close what was just started.
   * @param keptMs of the time for closing, what those that close before it may not use up
   */
  defer(close: Close, keptMs?: number): void;
  /**
   * Closes everything; rejects with an AggregateError of what failed, or was not waited for any longer.
   * The first call says how long that may take in all, in milliseconds.
   */
  close(withinMs?: number): Promise<void>;
}

interface Closer {
  readonly close: Close;
  readonly keptMs: number;
}

export function createLifetime(): Lifetime {
  const closers: Closer[] = [];
  let closing: Promise<void> | undefined;
  let end = Number.POSITIVE_INFINITY;

  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) {
      const kept = closers.reduce((sum, { keptMs }) => sum + keptMs, 0);
      const leftMs = Math.max(0, end - kept - performance.now());
      try {
        await withTimeout(Promise.resolve(next.close(leftMs)), leftMs, TOO_LONG);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed.');
  };

  return {
    defer: (close, keptMs = 0) => void closers.push({ close, keptMs }),
    close(withinMs = Number.POSITIVE_INFINITY) {
      if (closing === undefined) end = performance.now() + withinMs;
      return (closing ??= closeAll());
    },
  };
}

/**
 * Opens what consists of parts; when one fails to open, those before it are closed again.
 * @param withinMs how long that may take, in milliseconds
 */
export async function withLifetime<T>(
  open: (lifetime: Lifetime) => Promise<T>,
  withinMs?: number,
): Promise<T> {
  const lifetime = createLifetime();
  try {
    return await open(lifetime);
  } catch (error) {
    await lifetime.close(withinMs);
    throw error;
  }
}
