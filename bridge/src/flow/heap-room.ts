// How much room the heap has. V8 ends the process when its limit is reached (`--max-old-space-size`, or
// what it chooses by the machine's memory), so with a small one less may wait, and nothing new is begun
// while it is nearly full.
import { getHeapStatistics } from 'node:v8';
import type { Logger } from 'pino';

export interface HeapRoom {
  /** Whether requests are refused until memory is freed. */
  readonly isShort: boolean;
  close(): void;
}

/** What the limits of the bridge are made for. */
const ROOMY_BYTES = 1024 * 1024 * 1024;
const MEASURE_MS = 100;
const TELL_MS = 60_000;
/** Shares of the limit. What V8 has not collected yet counts, so it may be full for a moment. */
const SHORT = 0.85;
const ENOUGH = 0.75;

const share = Math.min(1, getHeapStatistics().heap_size_limit / ROOMY_BYTES);

/** A number of bytes that may wait, less of them with a small heap. */
export function toHeapShare(bytes: number): number {
  return Math.floor(bytes * share);
}

/** `readUse` answers with the share of the limit that is in use. */
export function createHeapRoom(logger: Logger, readUse: () => number = readHeapUse): HeapRoom {
  let isShort = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  const measure = (): void => {
    const use = readUse();
    isShort = use > (isShort ? ENOUGH : SHORT);
    if (!isShort || performance.now() - toldAt < TELL_MS) return;
    toldAt = performance.now();
    logger.error(
      { use },
      'the heap is nearly full, so requests are refused; give Node.js more memory',
    );
  };
  const timer = setInterval(measure, MEASURE_MS).unref();
  return {
    get isShort() {
      return isShort;
    },
    close: () => clearInterval(timer),
  };
}

function readHeapUse(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}
