// Slows down floods of refusals. A caller that is refused and tries again at once would keep the bridge busy
// with refusals, at everybody's cost. After the first 20 in a second, a principal's refusals are answered
// slowly, and the log counts them instead of holding each.
import { CompactingMap } from '../flow/compacting-map.ts';

/** How a refusal is logged. */
export type Refusal =
  /** As an event of its own. */
  | { readonly kind: 'logged' }
  /** As an event that also counts others, which have none. */
  | { readonly kind: 'counting'; readonly others: number }
  /** In the count of another one. */
  | { readonly kind: 'counted' };

interface Flood {
  /** Refusals in the current second. */
  refused: number;
  /** How many of them have no event of their own. */
  counted: number;
  /** Answers the refusal whose event counts the others, at the end of the second. */
  reporter: ((refusal: Refusal) => void) | undefined;
  readonly waiting: (() => void)[];
}

const SECOND_MS = 1_000;
const LOGGED = 20;
const RELEASE_MS = 10;
const RELEASED_AT_ONCE = 4;
/** Refusals beyond this are answered at once: to let more of them wait would only cost memory. */
const MAX_WAITING = 1_024;

export interface Refusals {
  /**
   * Resolves when the refusal may be answered.
   * @param mayWait false for a call that takes much memory while it waits
   */
  pace(owner: string, mayWait?: boolean): Promise<Refusal>;
}

export function createRefusals(): Refusals {
  const floods = new CompactingMap<string, Flood>();

  const endSecond = (owner: string, flood: Flood): void => {
    const { reporter, counted } = flood;
    flood.reporter = undefined;
    flood.refused = 0;
    flood.counted = 0;
    reporter?.({ kind: 'counting', others: counted });
    if (reporter === undefined && flood.waiting.length === 0) floods.delete(owner);
    else setTimeout(endSecond, SECOND_MS, owner, flood).unref();
  };

  const release = (flood: Flood): void => {
    for (const answer of flood.waiting.splice(0, RELEASED_AT_ONCE)) answer();
    if (flood.waiting.length > 0) setTimeout(release, RELEASE_MS, flood).unref();
  };

  return {
    async pace(owner, mayWait = true) {
      let flood = floods.get(owner);
      if (flood === undefined) {
        flood = { refused: 0, counted: 0, reporter: undefined, waiting: [] };
        floods.set(owner, flood);
        setTimeout(endSecond, SECOND_MS, owner, flood).unref();
      }
      const { waiting } = flood;
      flood.refused += 1;
      if (flood.refused <= LOGGED) return { kind: 'logged' };
      if (flood.reporter === undefined) {
        const begun = flood;
        return new Promise((resolve) => {
          begun.reporter = resolve;
        });
      }
      flood.counted += 1;
      if (!mayWait || waiting.length >= MAX_WAITING) return { kind: 'counted' };
      return new Promise((resolve) => {
        if (waiting.length === 0) setTimeout(release, RELEASE_MS, flood).unref();
        waiting.push(() => resolve({ kind: 'counted' }));
      });
    },
  };
}
