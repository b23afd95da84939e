// How much of what servers say during calls the log takes: progress and messages are advice, and a server
// may say as much as it likes, in as many calls as are under way. Each server has its own share.
import { toJsonSize } from '../json-size.ts';

export interface NoteBudget {
  /** Whether the log takes this note of a server. */
  take(upstream: string, note: unknown): boolean;
}

export interface NoteBudgetOptions {
  readonly now: () => number;
}

/** A share is a store that fills up again, in characters. */
const FULL = 1024 * 1024;
const PER_SECOND = 64 * 1024;
/** What a note costs beside its text: its row, its index. */
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
