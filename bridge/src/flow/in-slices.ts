// Work over long lists in small pieces, so that whoever made the list long holds up nobody: a generator
// that yields after each piece rests when its slice of time is over. The rest is longer than the slice,
// because a call takes many turns of the event loop and would meet a slice in each.
import { setTimeout as rest } from 'node:timers/promises';

const SLICE_MS = 3;
const REST_MS = 6;

/** Runs the work to its end and resolves with what it returns. */
export async function inSlices<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const until = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
    await rest(REST_MS);
  }
}
