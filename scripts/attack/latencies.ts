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

export interface Sample {
  /** In milliseconds. */
  readonly ms: number;
  /** There was no answer, or not the right one. */
  readonly isFailure: boolean;
}

export function toLatencies(samples: readonly Sample[]): Latencies {
  const made = samples.map(({ ms, isFailure }) => (isFailure ? FAILED_MS : ms));
  const all = samples.flatMap(({ ms }, index) => [made[index] ?? ms, ...toMissing(ms)]);
  const { p50, p99 } = toPercentiles(Float64Array.from(all));
  return {
    calls: samples.length,
    failures: samples.filter(({ isFailure }) => isFailure).length,
    p50,
    p99,
    max: made.reduce((most, ms) => Math.max(most, ms), 0),
    p99OfMade: toPercentiles(Float64Array.from(made)).p99,
  };
}

/** The calls that would have waited behind one that took so long. */
function toMissing(ms: number): number[] {
  const count = Math.max(0, Math.ceil(ms / PAUSE_MS) - 1);
  return Array.from({ length: count }, (_, index) => ms - (index + 1) * PAUSE_MS);
}
