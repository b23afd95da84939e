// Removes what is older than the settings keep. Events lie in partitions by the day their run began,
// and go a day at a time; a day in which a run began that is still needed stays, with those after it.
import type { Logger } from 'pino';
import type { RunUpkeep } from '../store/run-upkeep.ts';

export interface RetentionLimits {
  /** Days that an ended run is kept after its last event. */
  readonly days: number;
  /** Most bytes of events; the oldest days go first. */
  readonly maxBytes?: number | undefined;
}

export interface Retention {
  /** Returns the names of the partitions dropped. */
  run(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface RetentionOptions {
  readonly upkeep: Pick<RunUpkeep, 'oldestNeeded' | 'eventDays' | 'removeBefore'>;
  readonly dropEventsBefore: (date: Date) => Promise<readonly string[]>;
  /** Read at each run, since settings change. */
  readonly limits: () => RetentionLimits;
  readonly logger: Logger;
  readonly now?: () => number;
}

const DAY_MS = 86_400_000;
const INTERVAL_MS = 3_600_000;

export function createRetention({
  upkeep,
  dropEventsBefore,
  limits,
  logger,
  now = Date.now,
}: RetentionOptions): Retention {
  let running: Promise<readonly string[]> | undefined;

  /** The end of the last day that has to go so that the rest fits; undefined when all fits. Today stays. */
  const findExcess = async (maxBytes: number): Promise<number | undefined> => {
    const days = await upkeep.eventDays();
    let total = days.reduce((sum, { bytes }) => sum + bytes, 0);
    let end: number | undefined;
    for (const { day, bytes } of days) {
      if (total <= maxBytes || day.getTime() + DAY_MS > now()) break;
      total -= bytes;
      end = day.getTime() + DAY_MS;
    }
    return end;
  };

  /** The latest time before which no run began that is open, or was active since `date`. */
  const spare = async (date: number, activeSince?: Date): Promise<number> => {
    const needed = await upkeep.oldestNeeded(activeSince);
    return needed === undefined ? date : Math.min(date, needed.getTime());
  };

  const remove = async (): Promise<readonly string[]> => {
    const { days, maxBytes } = limits();
    const tooOld = now() - days * DAY_MS;
    let before = await spare(tooOld, new Date(tooOld));
    const excess = maxBytes === undefined ? undefined : await findExcess(maxBytes);
    if (excess !== undefined && excess > before) {
      before = Math.max(before, await spare(excess));
      if (before < excess) {
        logger.warn(
          'The log is larger than its cap, but runs that began in its oldest days are open.',
        );
      }
    }
    const date = new Date(Math.floor(before / DAY_MS) * DAY_MS);
    const dropped = await dropEventsBefore(date);
    const removed = await upkeep.removeBefore(date);
    if (dropped.length > 0) logger.info({ dropped, ...removed }, 'removed old runs');
    return dropped;
  };

  const run = (): Promise<readonly string[]> => {
    running ??= remove().finally(() => (running = undefined));
    return running;
  };

  const timer = setInterval(() => {
    run().catch((error: unknown) => logger.error({ err: error }, 'old runs could not be removed'));
  }, INTERVAL_MS);
  timer.unref();

  return {
    run,
    async close() {
      clearInterval(timer);
      await running?.catch(() => undefined); // told by whoever started it
    },
  };
}
