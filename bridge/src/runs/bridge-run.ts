// The bridge's own run: what happens to the bridge and not in a call (changes of the catalog, security
// events). It is begun anew each day, because retention keeps a day as long as a run of it is open.
import type { Logger } from 'pino';
import type { LogEvent } from './event-text.ts';
import type { RunLog } from './run-log.ts';
import type { NewRun } from './run-row.ts';

export interface BridgeRun {
  append(event: LogEvent): Promise<number>;
  /** Begins it anew, because others ended it. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

export interface BridgeRunOptions {
  readonly log: Pick<RunLog, 'open' | 'append' | 'end'>;
  readonly run: Omit<NewRun, 'id' | 'kind'>;
  readonly logger: Logger;
}

const DAY_MS = 86_400_000;

export async function createBridgeRun({ log, run, logger }: BridgeRunOptions): Promise<BridgeRun> {
  let current = await log.open({ ...run, kind: 'bridge' });

  const renew = async (): Promise<void> => {
    const before = current;
    current = await log.open({ ...run, kind: 'bridge' });
    await log.end(before.id, 'completed', 'a new day');
  };
  const timer = setInterval(() => {
    renew().catch((error: unknown) =>
      logger.warn({ err: error }, "the bridge's run was not renewed"),
    );
  }, DAY_MS);
  timer.unref();

  return {
    append: (event) => log.append(current.id, event),
    renew,
    async close() {
      clearInterval(timer);
      await log.end(current.id, 'completed', 'the bridge stopped');
    },
  };
}
