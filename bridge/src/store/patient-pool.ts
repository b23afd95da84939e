// A pool of ordinary connections for everything but the log. While the database restarts, work waits
// for a connection a few seconds and then fails with a clear error, instead of failing at once.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { explainOutage } from './outage.ts';
import { isRefusal } from './refusal.ts';

const RETRY_MS = 50;

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (destroy?: Error | boolean) => void,
) => void;

export class PatientPool extends Pool {
  readonly #patienceMs: number;

  constructor(config: PoolConfig, patienceMs: number) {
    super(config);
    this.#patienceMs = patienceMs;
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | void {
    const connected = this.#connectPatiently();
    if (callback === undefined) return connected;
    // Pool.query, from which drizzle's queries come, asks for its connection with a callback.
    /* oxlint-disable promise/no-callback-in-promise */
    connected.then(
      (client) => callback(undefined, client, client.release),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    /* oxlint-enable */
  }

  async #connectPatiently(): Promise<PoolClient> {
    const until = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        return await super.connect();
      } catch (error) {
        if (isRefusal(error) || this.ending) throw error;
        if (performance.now() + RETRY_MS > until) {
          throw new DrawbridgeError('store/unavailable', explainOutage(error), { cause: error });
        }
        await delay(RETRY_MS);
      }
    }
  }
}
