// What those hear whose events are not written.
import { DrawbridgeError, hasCode, toMessage } from '../errors.ts';
import type { BatchRefused } from '../store/run-log.ts';

export function unavailable(message: string): DrawbridgeError {
  return new DrawbridgeError('log/unavailable', message);
}

/** Nothing of it was written. */
export function isUnavailable(error: unknown): boolean {
  return hasCode(error, 'log/unavailable');
}

export function toRefused(error: BatchRefused): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    `The database refused the event: ${toMessage(error.cause)}`,
    { cause: error.cause },
  );
}
