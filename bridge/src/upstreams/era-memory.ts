// What a server turned out to speak, remembered so that the next start needs no probe. A verdict of
// `legacy` goes stale silently (an upgraded server still answers `initialize`), hence the date.

/** The two protocol eras a server can speak; callers have a third, REST. */
export type ServerEra = 'modern' | 'legacy';

export interface RememberedEra {
  readonly era: ServerEra;
  /** Which HTTP transport answered, for a server configured without a `type`. */
  readonly transport?: 'http' | 'sse';
  /** ISO 8601; a legacy verdict older than a week is probed again. */
  readonly at: string;
}

/** Keyed by `UpstreamConfig.fingerprint`. The store implements it; failures are logged, never fatal. */
export interface EraMemory {
  get(fingerprint: string): RememberedEra | undefined | Promise<RememberedEra | undefined>;
  set(fingerprint: string, era: RememberedEra): void | Promise<void>;
}

/** For tests and for a bridge without a store: forgets when the process ends. */
export function createEraMemory(): EraMemory {
  const eras = new Map<string, RememberedEra>();
  return {
    get: (fingerprint) => eras.get(fingerprint),
    set: (fingerprint, era) => void eras.set(fingerprint, era),
  };
}
