// The connections of one upstream, leased by key (tenant, and session or principal where the settings
// say so). Concurrent callers share one start; an idle connection is closed after its time; when the
// pool is full the one that idled longest makes room. A connection started only to ask what the server
// offers has served nobody, so the first caller may have it.
import { setMaxListeners } from 'node:events';
import { DrawbridgeError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { untilAborted, waitAtMost } from '../bounded-wait.ts';

export interface Lease {
  readonly connection: Connection;
  /** Idempotent. */
  release(): void;
}

export interface InstancePoolOptions {
  readonly upstream: string;
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Milliseconds without a lease after which a connection is closed; 0 keeps it. */
  readonly idleMs: () => number;
  readonly onChange: () => void;
  /** Whether a connection that serves a key may also tell what the server offers to all. */
  readonly isShared: () => boolean;
}

export const MAX_INSTANCES = 16;

interface Instance {
  key: string | undefined;
  opening: Promise<Connection>;
  connection: Connection | undefined;
  leases: number;
  /** Order of use: higher is later. */
  used: number;
  idle: NodeJS.Timeout | undefined;
  /** Called when nobody has a lease any more. */
  onIdle: (() => void) | undefined;
}

export class InstancePool {
  readonly #options: InstancePoolOptions;
  readonly #instances = new Set<Instance>();
  readonly #stopping = new Map<string | undefined, Promise<void>>();
  #giveUp = createGiveUp();
  #uses = 0;

  constructor(options: InstancePoolOptions) {
    this.#options = options;
  }

  get connections(): readonly Connection[] {
    return [...this.#instances].flatMap(({ connection }) => connection ?? []);
  }

  get isOpening(): boolean {
    return [...this.#instances].some(({ connection }) => connection === undefined);
  }

  get leases(): number {
    let leases = 0;
    for (const instance of this.#instances) leases += instance.leases;
    return leases;
  }

  /**
   * @param key undefined: any connection that serves nobody's own instance will do
   * @throws DrawbridgeError `upstream/busy`, what `open` threw, or the signal's reason
   */
  async acquire(key: string | undefined, signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    const instance = this.#find(key) ?? this.#create(key);
    if (key !== undefined) instance.key = key;
    instance.leases += 1;
    instance.used = this.#uses += 1;
    clearTimeout(instance.idle);
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      instance.leases -= 1;
      if (instance.leases === 0) instance.onIdle?.();
      this.#startIdling(instance);
    };
    try {
      const connection = instance.connection ?? (await untilAborted(instance.opening, signal));
      return { connection, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Closes every connection and gives starts up; the pool can be used again afterwards.
   * @param graceMs how long calls under way may go on
   */
  async closeAll(why: string, graceMs = 0): Promise<void> {
    this.#giveUp.abort();
    this.#giveUp = createGiveUp();
    await Promise.all([...this.#instances].map((instance) => this.#close(instance, why, graceMs)));
    await Promise.all(this.#stopping.values());
  }

  #find(key: string | undefined): Instance | undefined {
    const instances = [...this.#instances];
    if (key === undefined) {
      const all = this.#options.isShared()
        ? instances
        : instances.filter((one) => one.key === undefined);
      return all.find((one) => one.connection) ?? all[0];
    }
    return (
      instances.find((one) => one.key === key) ?? instances.find((one) => one.key === undefined)
    );
  }

  #create(key: string | undefined): Instance {
    if (this.#instances.size >= MAX_INSTANCES) this.#makeRoom();
    const signal = this.#giveUp.signal;
    const open = async (): Promise<Connection> => {
      // Two processes for one key would fight over what the first still holds.
      await this.#stopping.get(key);
      return this.#options.open(signal);
    };
    const instance: Instance = {
      key,
      opening: open(),
      connection: undefined,
      leases: 0,
      used: 0,
      idle: undefined,
      onIdle: undefined,
    };
    this.#instances.add(instance);
    void this.#settle(instance);
    this.#options.onChange();
    return instance;
  }

  async #settle(instance: Instance): Promise<void> {
    try {
      const connection = await instance.opening;
      if (!this.#instances.has(instance)) return;
      if (connection.ended) this.#instances.delete(instance);
      else instance.connection = connection;
      this.#startIdling(instance);
    } catch {
      // Those who wait for `opening` tell their callers.
      this.#instances.delete(instance);
    } finally {
      this.#options.onChange();
    }
  }

  /** A connection that ended is taken out; its key's next start waits until its process is gone. */
  forget(connection: Connection): void {
    for (const instance of this.#instances) {
      if (instance.connection !== connection) continue;
      this.#instances.delete(instance);
      clearTimeout(instance.idle);
      this.#track(instance.key, connection.close());
    }
    this.#options.onChange();
  }

  #makeRoom(): void {
    const [oldest] = [...this.#instances]
      .filter((instance) => instance.leases === 0 && instance.connection !== undefined)
      .sort((a, b) => a.used - b.used);
    if (oldest === undefined) {
      const { upstream } = this.#options;
      throw new DrawbridgeError(
        'upstream/busy',
        `upstream "${upstream}" is busy: all ${MAX_INSTANCES} of its instances serve calls; try again later`,
      );
    }
    void this.#close(oldest, 'it made room for another session');
  }

  #startIdling(instance: Instance): void {
    clearTimeout(instance.idle);
    const ms = this.#options.idleMs();
    if (ms === 0 || instance.leases > 0 || !this.#instances.has(instance)) return;
    instance.idle = setTimeout(() => void this.#close(instance, 'it was idle'), ms).unref();
  }

  async #close(instance: Instance, why: string, graceMs = 0): Promise<void> {
    this.#instances.delete(instance);
    clearTimeout(instance.idle);
    const closed = instance.opening.then(
      async (connection) => {
        if (graceMs > 0) await untilIdle(instance, graceMs);
        await connection.close(why);
      },
      () => undefined,
    );
    this.#track(instance.key, closed);
    await closed;
    this.#options.onChange();
  }

  #track(key: string | undefined, closed: Promise<void>): void {
    const before = this.#stopping.get(key);
    const stop = async (): Promise<void> => {
      await Promise.all([before, closed]);
      if (this.#stopping.get(key) === stopping) this.#stopping.delete(key);
    };
    const stopping = stop();
    this.#stopping.set(key, stopping);
  }
}

async function untilIdle(instance: Instance, ms: number): Promise<void> {
  if (instance.leases === 0) return;
  const idle = new Promise<void>((resolve) => {
    instance.onIdle = resolve;
  });
  await waitAtMost(idle, ms);
}

/** Every start listens to it, and there may be many at once. */
function createGiveUp(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
