// Watches the connections of a pool that are in use for long. A frozen database neither answers nor closes,
// so a statement would wait for ever; a slow statement must not be cut. Another connection tells which it is:
// where that gets no answer either, the connections in use are cut, and their statements fail.
import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';

export interface PoolWatchOptions {
  /** A statement fails after about so long in a frozen database, in milliseconds. */
  readonly timeoutMs: number;
  /** Rejects when the database does not answer, in some two seconds. */
  readonly probe: () => Promise<void>;
  readonly logger: Logger;
}

const CHECKS = 5;

export function watchPool(
  pool: Pool,
  { timeoutMs, probe, logger }: PoolWatchOptions,
): { close(): void } {
  /** Since when, by the monotonic clock. */
  const inUse = new Map<PoolClient, number>();
  pool.on('acquire', (client) => inUse.set(client, performance.now()));
  pool.on('release', (_error, client) => inUse.delete(client));
  pool.on('remove', (client) => inUse.delete(client));
  let isChecking = false;

  /** A connection that is found to be slow and not frozen is checked again later. */
  const check = async (suspects: readonly PoolClient[]): Promise<void> => {
    try {
      await probe();
      for (const client of suspects) if (inUse.has(client)) inUse.set(client, performance.now());
    } catch (error) {
      const cut = suspects.filter((client) => inUse.has(client));
      logger.warn({ err: error, connections: cut.length }, 'the database does not answer');
      // A polite end would wait for an answer.
      for (const client of cut) client.connection.stream.destroy();
    }
  };

  const timer = setInterval(() => {
    const before = performance.now() - (timeoutMs * 2) / CHECKS;
    const suspects = [...inUse].flatMap(([client, since]) => (since <= before ? [client] : []));
    if (isChecking || suspects.length === 0) return;
    isChecking = true;
    void check(suspects).finally(() => (isChecking = false));
  }, timeoutMs / CHECKS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
