// Signals to a whole process group, and whether any of it is left. A server started through a wrapper
// (npx, a shell) is a grandchild; only its group reaches it.
import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from '../errors.ts';
import { readGroup } from './process-facts.ts';

/** Sends a signal to the group that `pid` leads; a group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

/** Zombies don't count: without an init that reaps, they stay for ever. */
export function isGroupAlive(pid: number): boolean {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 0);
  } catch (error) {
    // EPERM: it exists and is not ours to signal any more.
    return !isSystemError(error, 'ESRCH');
  }
  const members = readGroup(pid);
  return members === undefined || members.length > 0;
}

/** Resolves true as soon as nobody of the group is left, false after `ms`. */
export async function waitForGroupEnd(pid: number, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (isGroupAlive(pid)) {
    if (performance.now() >= deadline) return false;
    await delay(25);
  }
  return true;
}
