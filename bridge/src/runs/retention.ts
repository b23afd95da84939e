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

/** What goes, or went. */
export interface Removal {
  /** Midnight UTC; runs that began before it go. */
  readonly before: Date;
  /** Days of events, the oldest first. */
  readonly days: readonly { readonly day: Date; readonly bytes: number }[];
  readonly runs: number;
  /** Of the events and of the bodies that only they used. */
  readonly bytes: number;
}

export interface Retention {
  /** What would go by now, by these limits or by those of the settings. */
  plan(limits?: RetentionLimits): Promise<Removal>;
  run(limits?: RetentionLimits): Promise<Removal>;
  close(): Promise<void>;
}

export interface RetentionOptions {
  readonly upkeep: Pick<RunUpkeep, 'oldestNeeded' | 'eventDays' | 'countBefore' | 'removeBefore'>;
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
  limits: readLimits,
  logger,
  now = Date.now,
}: RetentionOptions): Retention {
  let running: Promise<unknown> = Promise.resolve();

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

  const plan = async ({ days: keep, maxBytes } = readLimits()): Promise<Removal> => {
    const tooOld = now() - keep * DAY_MS;
    let end = await spare(tooOld, new Date(tooOld));
    const excess = maxBytes === undefined ? undefined : await findExcess(maxBytes);
    if (excess !== undefined && excess > end) {
      end = Math.max(end, await spare(excess));
      if (end < excess) {
        logger.warn(
          'The log is larger than its cap, but runs that began in its oldest days are open.',
        );
      }
    }
    const before = new Date(Math.floor(end / DAY_MS) * DAY_MS);
    const days = (await upkeep.eventDays()).filter(
      ({ day }) => day.getTime() + DAY_MS <= before.getTime(),
    );
    const { runs, bodyBytes } = await upkeep.countBefore(before);
    return { before, days, runs, bytes: days.reduce((sum, { bytes }) => sum + bytes, bodyBytes) };
  };

  const remove = async (limits?: RetentionLimits): Promise<Removal> => {
    const removal = await plan(limits);
    const dropped = await dropEventsBefore(removal.before);
    const removed = await upkeep.removeBefore(removal.before);
    if (dropped.length > 0) logger.info({ dropped, ...removed }, 'removed old runs');
    return removal;
  };
  /** One after the other, also when one fails: whoever started it is told. */
  const run = (limits?: RetentionLimits): Promise<Removal> => {
    const next = running.then(
      () => remove(limits),
      () => remove(limits),
    );
    running = next;
    return next;
  };

  const timer = setInterval(() => {
    run().catch((error: unknown) => logger.error({ err: error }, 'old runs could not be removed'));
  }, INTERVAL_MS);
  timer.unref();

  return {
    plan,
    run,
    async close() {
      clearInterval(timer);
      await running.catch(() => undefined); // told by whoever started it
    },
  };
}
