// Things close in the reverse order of their start, each once, and one that fails to close does not
// keep the others open.

export interface Lifetime {
  /** Remembers how to close what was just started. */
  defer(close: () => void | Promise<void>): void;
  /** Closes everything; rejects with an AggregateError of what failed. */
  close(): Promise<void>;
}

export function createLifetime(): Lifetime {
  const closers: (() => void | Promise<void>)[] = [];
  let closing: Promise<void> | undefined;

  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed.');
  };

  return {
    defer: (close) => void closers.push(close),
    close: () => (closing ??= closeAll()),
  };
}

/** Opens what consists of parts; when one fails to open, those before it are closed again. */
export async function withLifetime<T>(open: (lifetime: Lifetime) => Promise<T>): Promise<T> {
  const lifetime = createLifetime();
  try {
    return await open(lifetime);
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}
