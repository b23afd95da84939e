// Ends queries that wait for a database that no longer answers: frozen, or behind a network that drops
// what is sent. Nothing tells so on their connection, so a new one is tried. A query that is merely slow
// goes on.
import type { Pool, PoolClient } from 'pg';

export interface FrozenQueriesOptions {
  /** Whether a new connection is answered. */
  readonly isAlive: () => Promise<boolean>;
  /** How long a connection is in use before it is asked, in milliseconds. */
  readonly patienceMs: number;
}

const LOOK_MS = 1_000;

/** Returns how to stop. */
export function endFrozenQueries(
  pool: Pool,
  { isAlive, patienceMs }: FrozenQueriesOptions,
): () => void {
  const usedSince = new Map<PoolClient, number>();
  let isAsking = false;
  pool.on('acquire', (client) => usedSince.set(client, performance.now()));
  pool.on('release', (_error, client) => usedSince.delete(client));
  pool.on('remove', (client) => usedSince.delete(client));

  const look = async (): Promise<void> => {
    const before = performance.now() - patienceMs;
    const late = [...usedSince].filter(([, since]) => since <= before);
    if (late.length === 0 || isAsking) return;
    isAsking = true;
    const answers = await isAlive();
    isAsking = false;
    if (answers) return;
    for (const [client, since] of late) {
      if (usedSince.get(client) === since) client.connection.stream.destroy();
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  return () => clearInterval(timer);
}
