// What has been started and must end, in reverse order, whether the bench ends by itself, fails or is
// interrupted.

export interface Lifetime {
  /** @returns what ends this one thing early */
  add(close: () => Promise<void>): () => Promise<void>;
  close(): Promise<void>;
}

export function createLifetime(): Lifetime {
  const open = new Set<() => Promise<void>>();
  return {
    add(close) {
      let closing: Promise<void> | undefined;
      const once = (): Promise<void> => (closing ??= close().finally(() => open.delete(once)));
      open.add(once);
      return once;
    },
    async close() {
      for (const close of [...open].reverse()) {
        await close().catch((error: unknown) => console.error('could not tidy up:', error));
      }
    },
  };
}
