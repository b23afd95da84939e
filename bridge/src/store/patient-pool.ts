// A pool of ordinary connections for everything but the log. While the database restarts, work waits
// for a connection a few seconds and then fails with a clear error, instead of failing at once.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { DrawbridgeError } from '../errors.ts';
import { isRefusal } from './refusal.ts';

const RETRY_MS = 50;

export interface Patience {
  readonly ms: number;
  /** Says why there is no connection. */
  readonly explain: (error: unknown) => string;
}

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (destroy?: Error | boolean) => void,
) => void;

export class PatientPool extends Pool {
  readonly #patience: Patience;

  constructor(config: PoolConfig, patience: Patience) {
    super(config);
    this.#patience = patience;
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
    const until = performance.now() + this.#patience.ms;
    for (;;) {
      try {
        return await this.#connectBefore(until);
      } catch (error) {
        if (isRefusal(error) || this.ending) throw error;
        if (performance.now() + RETRY_MS > until) {
          throw new DrawbridgeError('store/unavailable', this.#patience.explain(error), {
            cause: error,
          });
        }
        await delay(RETRY_MS);
      }
    }
  }

  /** A connection that comes later is for the next who asks. */
  #connectBefore(until: number): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          reject(new Error(`no connection within ${this.#patience.ms} ms`));
          connected.then(
            (client) => client.release(),
            () => undefined, // told already that there is none
          );
        },
        Math.max(0, until - performance.now()),
      );
      const connected = super.connect();
      connected.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
