// The few numbers that stand for many.

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export function toPercentiles(samples: Float64Array): Percentiles {
  const sorted = samples.toSorted();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export function toMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return toSum(middle) / middle.length;
}

export function toSum(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** All samples of several rounds, as if measured in one. */
export function toPool(rounds: readonly Float64Array[]): Float64Array {
  const pool = new Float64Array(toSum(rounds.map(({ length }) => length)));
  let at = 0;
  for (const round of rounds) {
    pool.set(round, at);
    at += round.length;
  }
  return pool;
}
