// The index of one root: opened once for this process, brought up to date by one job at a time however
// many callers wait for it, and by one process at a time. Callers wait for a limited time and are told
// how fresh the answer is.
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '@drawbridge/kit';
import type { Folder, PathGuard, Ripgrep } from '@drawbridge/paths';
import { isBusy, isDamage, moveAside } from '@drawbridge/retrieval';
import { statSync } from 'node:fs';
import { findChanges } from './find-changes.ts';
import { openIndexStore, type IndexStore } from './index-store.ts';
import { LeaseLost, takeLease } from './lease.ts';
import type { ParserPool } from './parser-pool.ts';
import { refresh } from './refresh.ts';

/** How fresh an index is. */
export interface Freshness {
  /** When it was last compared with the files; ISO 8601, or "never". */
  checked: string;
  files: number;
  /** Files known to have changed that are not indexed yet. */
  pending: number;
  /** What else there is to say. */
  note?: string | undefined;
}

export interface RootIndexOptions {
  /** Of the database. */
  path: string;
  ripgrep: Ripgrep;
  pool: ParserPool;
  log: Log;
  /** Runs `work` with a guard of its own, and the root's folder. */
  withFolder<T>(work: (guard: PathGuard, folder: Folder) => Promise<T>): Promise<T>;
  /** Called when the index is up to date. */
  onChanged(index: RootIndex): void;
  onRemoved(index: RootIndex, chunks: readonly number[]): void;
}

export type ProgressListener = (done: number, total: number) => void;

/** An index that was never whole is waited for longer; milliseconds. */
const FIRST_MS = 20_000;
const POLL_MS = 150;
const MAX_ROUNDS = 1_000;

/** Returns when `work` is done, or early when `limit` is aborted. */
async function untilAborted(work: Promise<void>, limit: AbortSignal): Promise<void> {
  if (limit.aborted) return;
  let stop = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    limit.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    limit.removeEventListener('abort', stop);
  }
}

export class RootIndex {
  readonly #options: RootIndexOptions;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<ProgressListener>();
  #store: Promise<IndexStore> | undefined;
  #job: Promise<void> | undefined;
  #begunAt = -Infinity;
  #checked = 'never';
  #total = 0;
  #done = 0;
  #elsewhere = false;
  #failed: string | undefined;

  constructor(options: RootIndexOptions) {
    this.#options = options;
  }

  /** Runs `work` on the store; one that is damaged is moved aside, and then there is a new one. */
  async use<T>(work: (store: IndexStore) => T): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const store = await this.#open();
      try {
        return work(store);
      } catch (error) {
        if (!isDamage(error) || tries > 1) throw error;
        this.#options.log('an index was damaged and is built again', { error });
        this.#reset(store);
      }
    }
  }

  async #open(): Promise<IndexStore> {
    const opened = this.#store;
    const known = await opened;
    if (known?.isCurrent() === true) return known;
    // Another caller opened it meanwhile.
    if (this.#store !== opened) return this.#open();
    known?.close();
    const opening = openIndexStore(this.#options.path);
    this.#store = opening;
    opening.catch(() => {
      if (this.#store === opening) this.#store = undefined;
    });
    return opening;
  }

  #reset(store: IndexStore): void {
    const { path } = this.#options;
    const inode = store.isCurrent() ? statSync(path, { throwIfNoEntry: false })?.ino : undefined;
    store.close();
    this.#store = undefined;
    if (inode !== undefined) moveAside(path, inode);
  }

  /** Starts or joins the job that brings the index up to date; it goes on when nobody waits. */
  #refresh(): Promise<void> {
    if (this.#job !== undefined) return this.#job;
    this.#begunAt = performance.now();
    const job = this.#run().finally(() => {
      this.#job = undefined;
      this.#elsewhere = false;
    });
    this.#job = job;
    // Who waits is told; that nobody does is no defect of the process.
    job.catch(() => {});
    return job;
  }

  async #run(): Promise<void> {
    this.#failed = undefined;
    [this.#done, this.#total] = [0, 0];
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        if (await this.#round()) return;
        await wait(POLL_MS, undefined, { signal: this.#stop.signal, ref: false });
      }
      throw new Error('another process held the index for too long');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed = error instanceof Error ? error.message : String(error);
      if (isDamage(error)) {
        const store = await this.#store;
        if (store !== undefined) this.#reset(store);
      }
      throw error;
    }
  }

  /** False when another process writes, and this one has to look again. */
  #round(): Promise<boolean> {
    const { withFolder, ripgrep, pool } = this.#options;
    const { signal } = this.#stop;
    return withFolder(async (guard, folder) => {
      const store = await this.#open();
      const changes = await findChanges(store.stamps(), { guard, folder, ripgrep, signal });
      const { changed, removed, generated, other, beyond } = changes;
      this.#total = changed.length + removed.length;
      if (this.#total === 0) {
        this.#finish(store);
        this.#options.onChanged(this);
        return true;
      }
      try {
        const lease = takeLease(store.database);
        if (lease === undefined) {
          this.#elsewhere = true;
          return false;
        }
        try {
          this.#elsewhere = false;
          store.setMeta('left-out', JSON.stringify({ generated, other, beyond }));
          await refresh(store, changes, {
            guard,
            folder,
            pool,
            lease,
            signal,
            onProgress: (done) => {
              this.#done = done;
              for (const listener of this.#listeners) listener(done, this.#total);
            },
            onRemoved: (chunks) => this.#options.onRemoved(this, chunks),
          });
          store.setMeta('indexed-at', new Date().toISOString());
        } finally {
          lease.release();
        }
      } catch (error) {
        if (!(error instanceof LeaseLost) && !isBusy(error)) throw error;
        return false;
      }
      this.#finish(store);
      this.#options.onChanged(this);
      return true;
    });
  }

  #finish(store: IndexStore): void {
    if (store.getMeta('indexed-at') === undefined) {
      store.setMeta('indexed-at', new Date().toISOString());
    }
    this.#done = this.#total;
    this.#checked = new Date().toISOString();
  }

  /**
   * Compares the index with the files, and waits up to `most` milliseconds for it to be up to date.
   * @throws what stopped the job, when there is nothing to answer from.
   */
  freshen(
    most: number,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: ProgressListener },
  ): Promise<Freshness> {
    return this.#freshen(most, { signal, onProgress }, true);
  }

  async #freshen(
    most: number,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: ProgressListener | undefined },
    isFirst: boolean,
  ): Promise<Freshness> {
    const asked = performance.now();
    const isNew = await this.use((store) => store.getMeta('indexed-at') === undefined);
    const timeout = isNew ? Math.max(most, FIRST_MS) : most;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    if (onProgress !== undefined) this.#listeners.add(onProgress);
    try {
      do {
        // A job that began before this call may have passed a file that changed since.
        await untilAborted(this.#refresh(), limit);
      } while (this.#begunAt < asked && !limit.aborted);
    } catch (error) {
      signal.throwIfAborted();
      // What was damaged is away by now, and is built again.
      if (isDamage(error) && isFirst) return this.#freshen(most, { signal, onProgress }, false);
      if ((await this.use((store) => store.counts().files)) === 0) throw error;
    } finally {
      if (onProgress !== undefined) this.#listeners.delete(onProgress);
    }
    return this.freshness();
  }

  async freshness(): Promise<Freshness> {
    const files = await this.use((store) => store.counts().files);
    const running = this.#job !== undefined;
    const note = this.#elsewhere
      ? 'another process is indexing'
      : running && this.#total === 0
        ? 'still looking for changes'
        : running
          ? 'still indexing'
          : this.#failed === undefined
            ? undefined
            : 'the last check failed';
    return {
      checked: this.#checked,
      files,
      pending: running ? Math.max(this.#total - this.#done, 0) : 0,
      note,
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#job?.catch(() => {});
    (await this.#store)?.close();
  }
}
