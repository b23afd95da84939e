// A backup reads every partition of the log for as long as it takes. Making or dropping a partition
// meanwhile would wait for it, and every reader and writer of the log would wait behind that. So
// upkeep stands back while a backup is made, told by an advisory lock.
import type { ClientBase } from 'pg';

/** "drawbkup", as the 64-bit key of the advisory lock. */
const LOCK_KEY = '7237954716518283632';

/** Keeps upkeep away until the connection ends; waits for upkeep that is under way. */
export async function takeBackupLock(client: ClientBase): Promise<void> {
  await client.query('select pg_advisory_lock_shared($1)', [LOCK_KEY]);
}

/**
 * Whoever calls holds the migration lock, so only backups can be in the way. Undefined when one is.
 */
export async function unlessBackup<T>(
  client: ClientBase,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const { rows } = await client.query<{ taken: boolean }>(
    'select pg_try_advisory_lock($1) as taken',
    [LOCK_KEY],
  );
  if (rows[0]?.taken !== true) return undefined;
  try {
    return await work();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);
  }
}
