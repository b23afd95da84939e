// Ends processes of PostgreSQL, the gentle way first (PostgreSQL manual, "Shutting Down the Server").
import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from '../errors.ts';

const POLL_MS = 5;
const STEPS = [
  // A fast shutdown, for the server itself: its children would take it for something else.
  { signal: 'SIGINT', ms: 4_000, isForAll: false },
  // From here on the next start recovers from the write-ahead log; nothing committed is lost.
  { signal: 'SIGQUIT', ms: 1_000, isForAll: true },
  { signal: 'SIGKILL', ms: 2_000, isForAll: true },
] as const;
const ALL_MS = STEPS.reduce((sum, { ms }) => sum + ms, 0);

export interface EndOptions {
  /** The pids that still live. */
  readonly list: () => readonly number[];
  /** The server itself, if it is among them. */
  readonly leader?: number | undefined;
  /** How long it may take in all, in milliseconds; 7 s at most. */
  readonly withinMs?: number | undefined;
}

/** Resolves with the pids that there were, when none is left, or nothing can be done about them. */
export async function endProcesses({
  list,
  leader,
  withinMs = ALL_MS,
}: EndOptions): Promise<readonly number[]> {
  const found = list();
  let living = found;
  const share = Math.min(withinMs, ALL_MS) / ALL_MS;
  for (const { signal, ms, isForAll } of STEPS) {
    const targets = isForAll ? living : living.filter((pid) => pid === leader);
    if (targets.length === 0) continue;
    for (const pid of targets) send(pid, signal);
    // One that was stopped would not hear it.
    if (process.platform !== 'win32') for (const pid of living) send(pid, 'SIGCONT');
    for (
      const begin = performance.now();
      performance.now() - begin < ms * share;
      await delay(POLL_MS)
    ) {
      living = list();
      if (living.length === 0) return found;
    }
  }
  return found;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}
