// What is wrong when the database is away, in words that say what to do.
import { DrizzleQueryError } from 'drizzle-orm';
import { DrawbridgeError, findDrawbridgeError, toMessage } from '../errors.ts';
import { isRefusal, toSqlState } from './sql-state.ts';

/**
 * What became of a statement because the database is away, as `store/unavailable`; what the database itself
 * refused, and whatever else was thrown, stays as it is.
 */
export function toStoreError(error: unknown, explain: (error: unknown) => string): unknown {
  if (findDrawbridgeError(error) !== undefined) return error;
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (!isDriverError(cause) || isRefusal(cause)) return error;
  return new DrawbridgeError('store/unavailable', explain(cause), { cause: error });
}

/** The driver's own have no class: the server's have a severity, the system's a code, the rest a text. */
function isDriverError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('severity' in error || ('code' in error && /^E[A-Z]+$/.test(String(error.code)))) return true;
  return LOST.test(error.message);
}

const LOST =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exce|Client was closed)/;

export const DISK_FULL = 'The disk that holds the database is full: free some space.';

/** The same for whoever asks the bridge: without paths, names and what a driver says. */
export function explainToCallers(error: unknown): string {
  const state = toSqlState(error);
  if (state !== undefined && PLAIN_STATES.has(state)) return explainDatabaseError(error);
  if (state?.startsWith('28') === true) return 'The database refused the login.';
  if (state === '3D000') return 'The database that DATABASE_URL names does not exist.';
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const { code } = inner as NodeJS.ErrnoException; // absent where the system gave none
    if (code !== undefined && /^E[A-Z]+$/.test(code)) {
      return `The database cannot be reached (${code}).`;
    }
  }
  return 'The database cannot be reached; the log of the bridge says why.';
}

/** Those that `explainDatabaseError` has words of its own for. */
const PLAIN_STATES = new Set(['53100', '53300', '25006', '57P03']);

export function explainDatabaseError(error: unknown): string {
  const state = toSqlState(error);
  if (state === '53100') return DISK_FULL;
  if (state === '53300') return 'The database has no connection left: raise its max_connections.';
  if (state === '25006') return 'The database is read-only: a standby, or out of space.';
  if (state === '57P03') return 'The database is starting up or shutting down.';
  if (state?.startsWith('28') === true)
    return `The database refused the login: ${toMessage(error)}.`;
  if (state === '3D000')
    return `${toMessage(error)}: create it, or name another one in DATABASE_URL.`;
  if (error instanceof AggregateError) return toMessage(error.errors[0]);
  return toMessage(error);
}
