// Errors for callers whose events were not written.
import { DrawbridgeError, hasCode, toMessage } from '../errors.ts';
import type { BatchRefused } from '../store/run-log.ts';
import { isRefusal } from '../store/sql-state.ts';

export function unavailable(message: string): DrawbridgeError {
  return new DrawbridgeError('log/unavailable', message);
}

/** Whether the event is known not to be in the log. */
export function isUnavailable(error: unknown): boolean {
  return hasCode(error, 'log/unavailable');
}

/** Whether the database examined the event and refused it, so that it would be refused again. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && isRefusal(error.cause);
}

export function toRefused(error: BatchRefused): DrawbridgeError {
  return new DrawbridgeError(
    'log/unavailable',
    `The database refused the event: ${toMessage(error.cause)}`,
    { cause: error.cause },
  );
}
