// Transactions on the pool. drizzle's own take a connection and never give it back when `begin` fails,
// as it does when the database went away just then; after a few of those nothing is left to query with.
import { type NodePgDatabase, drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { toStoreError } from './database-errors.ts';

/** As drizzle's `transaction`. A connection on which something failed is closed, not used again. */
export function createTransaction(
  pool: Pool,
  explain: (error: unknown) => string,
): NodePgDatabase['transaction'] {
  return async (work, config) => {
    const client = await pool.connect();
    let hasFailed = true;
    try {
      const result = await drizzle(client).transaction(work, config);
      hasFailed = false;
      return result;
    } catch (error) {
      throw toStoreError(error, explain);
    } finally {
      client.release(hasFailed);
    }
  };
}
