// UUID v7 keys (RFC 9562, section 5.7): time in front, so that they sort by their making, also within
// a millisecond. Randomness is drawn for many at once, because a draw costs more than the rest.
import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES_EACH = 16;
const DRAWN_AT_ONCE = 512;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Makes keys that rise, even when the clock steps back. */
export function createIdSource(now: () => number = Date.now): () => string {
  const pool = Buffer.allocUnsafe(BYTES_EACH * DRAWN_AT_ONCE);
  let at = pool.length;
  let msecs = 0;
  let seq = 0;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    const random = pool.subarray(at, at + BYTES_EACH);
    at += BYTES_EACH;
    const time = now();
    if (time > msecs) {
      msecs = time;
      // Half of the range is left for those of the same millisecond.
      seq = random.readUInt32BE(0) >>> 1;
    } else {
      seq += 1;
    }
    return v7({ random, msecs, seq });
  };
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
