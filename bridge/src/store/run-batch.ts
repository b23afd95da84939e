// What one statement writes into the log: rows of runs, events and artifacts, by run.

/** A run's row as it is inserted; times are milliseconds since 1970. */
export interface RunRow {
  readonly id: string;
  readonly tenantId: string;
  readonly project: string;
  readonly createdBy: string;
  readonly kind: string;
  readonly title: string;
  readonly parentId: string | null;
  readonly client: string | null;
  readonly streamKey: string | null;
  readonly startedAt: number;
}

export interface ArtifactRow {
  readonly sha256: Buffer;
  readonly mediaType: string;
  readonly body: Buffer;
}

export interface EventRow {
  readonly type: string;
  readonly version: number;
  readonly at: number;
  readonly durationMs: number | null;
  /** JSON text. */
  readonly payload: string;
  readonly artifacts: readonly ArtifactRow[];
}

/** The events of one run in a batch, in order. */
export interface RunBatch {
  readonly runId: string;
  readonly open?: RunRow;
  readonly events: readonly EventRow[];
  /** Set when the last event ends the run. */
  readonly end?: 'completed' | 'failed' | 'cancelled';
}
