// Tells readers that there may be new events: at once after a commit of this bridge, and by NOTIFY for
// commits of other bridges. A notification is a hint and carries no event. One that gets lost costs a reader
// at most a second, because readers also poll (polling.ts).
import type { Logger } from 'pino';
import type { RunLog } from './run-log.ts';

/** What a reader waits for: commits of one run, or of any. */
export interface Waiter {
  /** Resolves true when there was a commit since the last call, false after `ms` without any or when aborted. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface CommitNotifications {
  /** Without a run: commits of any. */
  watch(runId?: string): Waiter;
  close(): Promise<void>;
}

export interface CommitNotificationsOptions {
  readonly log: RunLog;
  readonly bridgeId: string;
  readonly logger: Logger;
  /** As the store's: payload undefined means that some may have been missed. */
  readonly listen: (
    channel: string,
    handler: (payload: string | undefined) => void,
  ) => Promise<() => Promise<void>>;
  readonly notify: (channel: string, payload: string) => Promise<void>;
  /** Whether there are other bridges to tell. */
  readonly hasPeers: () => boolean;
}

const CHANNEL = 'drawbridge_runs';
const NOTIFY_INTERVAL_MS = 10;
/** A payload holds 8,000 bytes at most; beyond this it says "any run". */
const MAX_RUNS = 200;
const ANY = '*';

export async function createCommitNotifications({
  log,
  bridgeId,
  logger,
  listen,
  notify,
  hasPeers,
}: CommitNotificationsOptions): Promise<CommitNotifications> {
  const wakers = new Map<string, Set<() => void>>();
  const unsent = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const wake = (runIds: Iterable<string>): void => {
    for (const runId of runIds) for (const waker of wakers.get(runId) ?? []) waker();
    for (const waker of wakers.get(ANY) ?? []) waker();
  };
  const wakeAll = (): void => {
    for (const set of wakers.values()) for (const waker of set) waker();
  };

  const notifyPeers = (): void => {
    timer = undefined;
    const payload = unsent.size > MAX_RUNS ? ANY : [...unsent].join(',');
    unsent.clear();
    notify(CHANNEL, `${bridgeId} ${payload}`).catch((error: unknown) =>
      logger.debug({ err: error }, 'other bridges were not told of a commit'),
    );
  };

  const stopCommits = log.onCommit((commits) => {
    wake(commits.map(({ runId }) => runId));
    if (!hasPeers()) return;
    for (const { runId } of commits) unsent.add(runId);
    timer ??= setTimeout(notifyPeers, NOTIFY_INTERVAL_MS);
  });
  const stopListening = await listen(CHANNEL, (payload) => {
    const [from, runIds = ANY] = payload?.split(' ') ?? [];
    if (from === bridgeId) return;
    if (runIds === ANY) wakeAll();
    else wake(runIds.split(','));
  });

  return {
    watch(runId = ANY) {
      let hasCommits = false;
      let resume: (() => void) | undefined;
      const waker = (): void => {
        hasCommits = true;
        resume?.();
      };
      const set = wakers.get(runId) ?? new Set();
      wakers.set(runId, set.add(waker));
      return {
        async wait(ms, signal) {
          if (!hasCommits && !signal.aborted) {
            await new Promise<void>((resolve) => {
              const late = setTimeout(resolve, ms);
              resume = () => {
                clearTimeout(late);
                resolve();
              };
              signal.addEventListener('abort', resume, { once: true });
            });
            if (resume !== undefined) signal.removeEventListener('abort', resume);
            resume = undefined;
          }
          const had = hasCommits;
          hasCommits = false;
          return had && !signal.aborted;
        },
        close() {
          set.delete(waker);
          if (set.size === 0) wakers.delete(runId);
        },
      };
    },
    async close() {
      stopCommits();
      clearTimeout(timer);
      await stopListening();
    },
  };
}
