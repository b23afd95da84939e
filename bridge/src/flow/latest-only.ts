// Work on what changes faster than it can be done: one after the other, and of what came meanwhile only
// the latest.

/** Each call resolves when its item, or a later one, was worked on; it rejects with what that threw. */
export function createLatestOnly<T>(work: (item: T) => Promise<void>): (item: T) => Promise<void> {
  let latest: { readonly item: T } | undefined;
  let last = Promise.resolve();
  let turn = Promise.resolve();

  const workAfter = async (before: Promise<void>): Promise<void> => {
    await before;
    if (latest !== undefined) {
      const { item } = latest;
      latest = undefined;
      last = work(item);
    }
    await last;
  };

  return (item) => {
    latest = { item };
    const done = workAfter(turn);
    turn = done.catch(() => undefined); // told to whoever asked
    return done;
  };
}
