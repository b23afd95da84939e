// What those hear whose events are not written.
import { DrawbridgeError, toMessage } from '../errors.ts';
import type { BatchRefused } from '../store/run-log.ts';

export function unavailable(message: string): DrawbridgeError {
  return new DrawbridgeError('log/unavailable', message);
}

/** Nothing of it was written. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof DrawbridgeError && error.code === 'log/unavailable';
}

export function toRefused(error: BatchRefused): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    `The database refused the event: ${toMessage(error.cause)}`,
    { cause: error.cause },
  );
}
