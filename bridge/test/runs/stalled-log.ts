// A log over a store whose commits take place when the test says so.
import { expect } from 'vitest';
import { pino } from 'pino';
import { v7 as createId } from 'uuid';
import { createRunLog, type RunLogOptions } from '../../src/runs/writer.ts';
import type { RunLog } from '../../src/runs/run-log.ts';
import { createRedact } from '../../src/secrets/redaction.ts';
import type { RunBatch } from '../../src/store/run-batch.ts';
import type { RunLogStore } from '../../src/store/run-log.ts';

export interface StalledLog {
  readonly log: RunLog;
  /** What was sent to the store, in order. */
  readonly batches: (readonly RunBatch[])[];
  /** Lets the next commit take place. */
  commit(): Promise<void>;
  /** Lets all take place until this is settled. */
  commitUntil<T>(settled: Promise<T>): Promise<T>;
}

export function createStalledLog(
  options: Partial<Omit<RunLogOptions, 'store'>> & Partial<Pick<RunLogStore, 'settle'>> = {},
): StalledLog {
  const { settle = () => Promise.resolve(), ...more } = options;
  const batches: (readonly RunBatch[])[] = [];
  const commits: (() => void)[] = [];
  const lastSeqs = new Map<string, number>();
  const store: RunLogStore = {
    write(batch) {
      batches.push(batch);
      return new Promise((resolve) => {
        commits.push(() =>
          resolve(
            batch.map(({ runId, events }) => {
              const base = lastSeqs.get(runId) ?? 0;
              lastSeqs.set(runId, base + events.length);
              return { base, written: events.length };
            }),
          ),
        );
      });
    },
    isReady: () => true,
    settle,
    close: () => Promise.resolve(),
  };
  const log = createRunLog({
    store,
    findOpen: () => Promise.resolve([]),
    bridgeId: createId(),
    redact: createRedact(),
    logger: pino({ level: 'silent' }),
    timeoutMs: 60_000,
    ...more,
  });
  return {
    log,
    batches,
    async commit() {
      await expect.poll(() => commits.length).toBeGreaterThan(0);
      commits.shift()?.();
    },
    async commitUntil(settled) {
      let isSettled = false;
      const settling = settled.finally(() => (isSettled = true));
      settling.catch(() => undefined); // told to the caller below
      while (!isSettled) {
        commits.shift()?.();
        await new Promise(setImmediate);
      }
      return settling;
    },
  };
}

/** The types of all that was sent of a run, in order. */
export function typesOf(batches: readonly (readonly RunBatch[])[], runId: string): string[] {
  return batches
    .flat()
    .filter((batch) => batch.runId === runId)
    .flatMap(({ events }) => events.map(({ type }) => type));
}
