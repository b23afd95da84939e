// A pool of ordinary connections for everything but the log. While the database restarts, work waits
// for a connection a few seconds and then fails with a clear error, instead of failing at once.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { isRefusal } from './sql-state.ts';
import { withTimeout } from '../bounded-wait.ts';

const RETRY_MS = 50;

export interface RetryOptions {
  readonly ms: number;
  /** Says why there is no connection. */
  readonly explain: (error: unknown) => string;
}

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (destroy?: Error | boolean) => void,
) => void;

export class RetryingPool extends Pool {
  readonly #retry: RetryOptions;

  constructor(config: PoolConfig, retry: RetryOptions) {
    super(config);
    this.#retry = retry;
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | void {
    const connected = this.#connectRetrying();
    if (callback === undefined) return connected;
    // Pool.query, from which drizzle's queries come, asks for its connection with a callback.
    /* oxlint-disable promise/no-callback-in-promise */
    connected.then(
      (client) => callback(undefined, client, client.release),
      (error: Error) => callback(error, undefined, () => undefined),
    );
    /* oxlint-enable */
  }

  async #connectRetrying(): Promise<PoolClient> {
    const until = performance.now() + this.#retry.ms;
    for (;;) {
      try {
        return await this.#connectBefore(until);
      } catch (error) {
        if (isRefusal(error) || this.ending) throw error;
        if (performance.now() + RETRY_MS > until) {
          throw new DrawbridgeError('store/unavailable', this.#retry.explain(error), {
            cause: error,
          });
        }
        await delay(RETRY_MS);
      }
    }
  }

  /** A connection that comes later is for the next who asks. */
  async #connectBefore(until: number): Promise<PoolClient> {
    const connected = super.connect();
    try {
      return await withTimeout(
        connected,
        Math.max(0, until - performance.now()),
        `no connection within ${this.#retry.ms} ms`,
      );
    } catch (error) {
      connected.then(
        (client) => client.release(),
        () => undefined, // told already that there is none
      );
      throw error;
    }
  }
}
