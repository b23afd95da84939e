// Tells a database that refused a statement, which is final, from one that is away, which is not.

/**
 * SQLSTATE classes of a server in trouble: connection, resources (a full disk), operator (shutdown,
 * cancelled statement), system, conflicts between transactions, and a standby that takes no writes.
 * PostgreSQL manual, appendix A.
 */
const PASSING = /^(?:08|53|57|58|40|25006|55P03)/;

/** Whether the server examined the statement and refused it: nothing was written, nor would be next time. */
export function isRefusal(error: unknown): boolean {
  const state = toSqlState(error);
  return state !== undefined && !PASSING.test(state);
}

/** The five characters of SQLSTATE, when the error came from the server. */
export function toSqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
