// The workers that large JSON goes to. They start when there is something to do, end when there was
// nothing for a while, and are bounded in memory and time: a job that ends its worker fails alone. Jobs
// wait in a queue of their owner, and owners take turns.
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { DrawbridgeError } from '../../errors.ts';
import { FairQueue } from '../../fair-queue.ts';
import type { Job, JobResult, ToWorker } from './jobs.ts';

export interface WorkerPoolOptions {
  /** A fresh one; where it is depends on whether the bridge runs from sources or bundled. */
  readonly spawn: () => Worker;
  /** Values that never reach the log; read at each job, since settings change. */
  readonly literals: () => readonly string[];
  readonly logger: Logger;
}

export interface WorkerPool {
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

interface Hand {
  readonly worker: Worker;
  task: Task | undefined;
  timer: NodeJS.Timeout | undefined;
}

const WORKERS = 2;
const LONG_BYTES = 4 * 1024 * 1024;
const IDLE_MS = 30_000;
const JOB_MS = 20_000;
/** What may wait of one owner, and of all. One job more than that is always taken. */
const OWNER_BYTES = 64 * 1024 * 1024;
const ALL_BYTES = 192 * 1024 * 1024;

export function createWorkerPool({ spawn, literals, logger }: WorkerPoolOptions): WorkerPool {
  const waiting = new FairQueue<Task>();
  const hands = new Set<Hand>();
  let closed = false;

  const open = (): Hand => {
    const hand: Hand = { worker: spawn(), task: undefined, timer: undefined };
    hands.add(hand);
    hand.worker.on('message', (result: JobResult) => {
      const { task } = hand;
      rest(hand);
      task?.resolve(result);
      next();
    });
    hand.worker.on('error', (error) => lose(hand, error.message));
    hand.worker.on('exit', () => lose(hand, 'the worker ended'));
    hand.worker.unref();
    return hand;
  };

  const rest = (hand: Hand): void => {
    clearTimeout(hand.timer);
    hand.task = undefined;
    hand.worker.unref();
    hand.timer = setTimeout(() => void end(hand), IDLE_MS).unref();
  };

  const end = (hand: Hand): Promise<number> => {
    hands.delete(hand);
    clearTimeout(hand.timer);
    return hand.worker.terminate();
  };

  const lose = (hand: Hand, why: string): void => {
    hands.delete(hand);
    clearTimeout(hand.timer);
    const { task } = hand;
    if (task === undefined) return;
    hand.task = undefined;
    logger.warn({ why, bytes: task.bytes, job: task.job.kind }, 'a worker was lost');
    task.reject(new WorkerFailed(why));
    next();
  };

  const begin = (hand: Hand, task: Task): void => {
    clearTimeout(hand.timer);
    hand.task = task;
    hand.timer = setTimeout(() => {
      lose(hand, `no result within ${JOB_MS} ms`);
      void end(hand);
    }, JOB_MS);
    hand.worker.ref();
    const message: ToWorker = { job: task.job, literals: literals() };
    hand.worker.postMessage(message, toTransfer(task.job));
  };

  /** A second one only beside a job that takes long: two cores have other things to do. */
  const mayOpen = (): boolean =>
    hands.size === 0 ||
    (hands.size < WORKERS && [...hands].every(({ task }) => (task?.bytes ?? 0) > LONG_BYTES));

  const next = (): void => {
    while (!closed && waiting.size > 0) {
      const idle = [...hands].find(({ task }) => task === undefined);
      if (idle === undefined && !mayOpen()) return;
      const task = waiting.shift();
      if (task !== undefined) begin(idle ?? open(), task);
    }
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
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
        task.reject(failed);
      }
      await Promise.all([...hands].map(end));
    },
  };
}

/** What has a buffer of its own goes without being copied. */
function toTransfer(job: Job): ArrayBuffer[] {
  return job.parts.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  );
}
