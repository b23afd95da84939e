// How many notes (progress and messages) the log takes of each server. A server may send as many as it
// likes, in as many calls as are under way, so each has a token bucket of its own.
import { toJsonSize } from '../json-size.ts';

export interface NoteBudget {
  /** Whether the log takes this note of a server. */
  take(upstream: string, note: unknown): boolean;
}

export interface NoteBudgetOptions {
  readonly now: () => number;
}

/** The size of a bucket and how fast it fills up again, in characters. */
const FULL = 1024 * 1024;
const PER_SECOND = 64 * 1024;
/** What a note costs beside its text: its row and its index entry. */
const ROW = 256;
const NOTE_LIMITS = { size: 64 * 1024, depth: 128 };

export function createNoteBudget({ now }: NoteBudgetOptions): NoteBudget {
  const shares = new Map<string, { left: number; at: number }>();
  return {
    take(upstream, note) {
      const time = now();
      const share = shares.get(upstream) ?? { left: FULL, at: time };
      shares.set(upstream, share);
      share.left = Math.min(FULL, share.left + ((time - share.at) * PER_SECOND) / 1_000);
      share.at = time;
      const size = toJsonSize(note, NOTE_LIMITS);
      if (size === undefined || size + ROW > share.left) return false;
      share.left -= size + ROW;
      return true;
    },
  };
}
