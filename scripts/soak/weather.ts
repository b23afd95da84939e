// Whether a disturbance is under way. What fails while one is, or before things have settled after it,
// is what disturbances do; what fails in calm is a finding.

export interface Weather {
  /** Undefined in calm. */
  readonly disturbance: string | undefined;
  begin(name: string): void;
  settle(): void;
  /** Whether all the time since then (by performance.now) was calm. */
  wasCalmSince(time: number): boolean;
}

export function createWeather(): Weather {
  let disturbance: string | undefined = 'start';
  let settledAt = 0;
  return {
    get disturbance() {
      return disturbance;
    },
    begin: (name) => (disturbance = name),
    settle() {
      disturbance = undefined;
      settledAt = performance.now();
    },
    wasCalmSince: (time) => disturbance === undefined && settledAt <= time,
  };
}
