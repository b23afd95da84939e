// What the quiet caller waited. It makes one call at a time, so while one hangs it makes none, and a
// bridge that stands still for ten seconds would show in a single figure. Each long call therefore
// counts for the calls that would have been made meanwhile too (coordinated omission).
import { toPercentiles } from '../../bench/src/statistics.ts';

export interface Latencies {
  readonly calls: number;
  /** Calls without the right answer; each counts as `FAILED_MS`. */
  readonly failures: number;
  /** In milliseconds, with the calls that were not made. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of the calls alone that were made. */
  readonly p99OfMade: number;
}

/** Between two calls of the quiet caller. */
export const PAUSE_MS = 20;
/** The quiet caller waits so long for an answer. */
export const FAILED_MS = 10_000;

/** @param samples milliseconds; a call that failed is `undefined` */
export function toLatencies(samples: readonly (number | undefined)[]): Latencies {
  const made = samples.map((ms) => ms ?? FAILED_MS);
  const all = made.flatMap(withMissing);
  const { p50, p99 } = toPercentiles(Float64Array.from(all));
  return {
    calls: samples.length,
    failures: samples.filter((ms) => ms === undefined).length,
    p50,
    p99,
    max: made.reduce((most, ms) => Math.max(most, ms), 0),
    p99OfMade: toPercentiles(Float64Array.from(made)).p99,
  };
}

/** The call itself, and those that would have waited behind it. */
function withMissing(ms: number): number[] {
  return Array.from(
    { length: Math.max(1, Math.ceil(ms / PAUSE_MS)) },
    (_, index) => ms - index * PAUSE_MS,
  );
}
