// What went wrong with a server, in the words that callers get. Operators hear all of it; what anybody
// hears names no command, path or line that the server wrote.
import { DrawbridgeError, hasCode } from '../errors.ts';

export function toRetryHint(retryAt: number | undefined): string {
  return retryAt === undefined
    ? ''
    : `; it is tried again after ${new Date(retryAt).toISOString()}`;
}

/** A failure to start or to reach a server, in words for anybody. */
export function toTold(error: unknown, name: string): string {
  if (error instanceof DrawbridgeError) {
    const { code, details, message } = error;
    if (details !== undefined && 'told' in details) return details.told;
    if (code === 'upstream/busy') return message;
    if (code === 'upstream/start_failed') return `upstream "${name}" could not be started`;
  }
  return `upstream "${name}" is not available`;
}

/** The last lines of stderr, where a failure has them. */
export function toStderr(error: unknown): string | undefined {
  return hasCode(error, 'upstream/start_failed') ? error.details?.stderr : undefined;
}
