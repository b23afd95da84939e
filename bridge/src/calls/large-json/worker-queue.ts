// The one worker for large JSON, and the queue before it. It starts with the first job and ends when it has
// been idle for 30 s. It is bounded in memory and time; when a job ends the worker, only that job fails. Each
// owner has a queue, and owners take turns. A second worker would take another hundred megabytes, and the
// processor from the event loop.
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { DrawbridgeError } from '../../errors.ts';
import { FairQueue } from '../../flow/fair-queue.ts';
import type { Job, JobResult, ToWorker } from './jobs.ts';

export interface WorkerQueueOptions {
  /** Starts a worker. */
  readonly spawn: () => Worker;
  /** Values that never reach the log; read at each job, since settings change. */
  readonly literals: () => readonly string[];
  readonly logger: Logger;
}

export interface WorkerQueue {
  /** Rejects with `policy/limit`, or with {@link WorkerFailed}. */
  run(job: Job, owner: string): Promise<JobResult>;
  close(): Promise<void>;
}

/** The job ended its worker: it took too much memory or time. */
export class WorkerFailed extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'WorkerFailed';
  }
}

interface Task {
  readonly job: Job;
  readonly bytes: number;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

const IDLE_MS = 30_000;
const JOB_MS = 20_000;
/** Bytes of jobs that may wait, of one owner and of all. The job that passes the limit is still taken. */
const OWNER_BYTES = 64 * 1024 * 1024;
const ALL_BYTES = 192 * 1024 * 1024;

export function createWorkerQueue({ spawn, literals, logger }: WorkerQueueOptions): WorkerQueue {
  const waiting = new FairQueue<Task>();
  let worker: Worker | undefined;
  let task: Task | undefined;
  /** During a job: when the job fails. While idle: when the worker ends. */
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const open = (): Worker => {
    const opened = spawn();
    opened.on('message', (result: JobResult) => {
      const done = task;
      rest(opened);
      done?.resolve(result);
      next();
    });
    opened.on('error', (error) => lose(opened, error.message));
    opened.on('exit', () => lose(opened, 'the worker ended'));
    worker = opened;
    return opened;
  };

  const rest = (of: Worker): void => {
    clearTimeout(timer);
    task = undefined;
    of.unref();
    timer = setTimeout(() => void end(), IDLE_MS).unref();
  };

  const end = async (): Promise<void> => {
    const ending = worker;
    worker = undefined;
    clearTimeout(timer);
    await ending?.terminate();
  };

  const lose = (of: Worker, why: string): void => {
    if (worker !== of) return;
    worker = undefined;
    clearTimeout(timer);
    const lost = task;
    if (lost === undefined) return;
    task = undefined;
    logger.warn({ why, bytes: lost.bytes, job: lost.job.kind }, 'a worker was lost');
    lost.reject(new WorkerFailed(why));
    next();
  };

  const next = (): void => {
    if (closed || task !== undefined) return;
    const begun = waiting.shift();
    if (begun === undefined) return;
    task = begun;
    const of = worker ?? open();
    clearTimeout(timer);
    timer = setTimeout(() => {
      lose(of, `no result within ${JOB_MS} ms`);
      void of.terminate();
    }, JOB_MS);
    of.ref();
    const message: ToWorker = { job: begun.job, literals: literals() };
    of.postMessage(message, toTransfer(begun.job));
  };

  return {
    run: (job, owner) =>
      new Promise((resolve, reject) => {
        if (closed) throw new WorkerFailed('the bridge is stopping');
        const bytes = job.parts.reduce((sum, { length }) => sum + length, 0);
        if (waiting.weightOf(owner) > OWNER_BYTES || waiting.weight > ALL_BYTES) {
          throw new DrawbridgeError(
            'policy/limit',
            'Too many large messages wait to be read; try again later.',
          );
        }
        waiting.push(owner, { job, bytes, resolve, reject }, bytes);
        next();
      }),
    async close() {
      closed = true;
      const failed = new WorkerFailed('the bridge is stopping');
      task?.reject(failed);
      task = undefined;
      for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
        each.reject(failed);
      }
      await end();
    },
  };
}

/** Buffers that belong to one part alone are transferred; others are copied. */
function toTransfer(job: Job): ArrayBuffer[] {
  return job.parts.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  );
}
