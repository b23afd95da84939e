// Has documents converted in worker threads: one for pages, one for PDF and DOCX, each working on one
// document at a time. A document that takes too long or too much memory costs its worker and nothing else.
import { ToolError, startWorker } from '@drawbridge/kit';
import type { Worker } from 'node:worker_threads';
import type { Job, JobAnswer, JobResults, TextJob } from './conversion/job.ts';
import { toPlainText } from './conversion/plain-text.ts';
import { createFairQueue } from './fair-queue.ts';

/** Up to here decoding takes a few milliseconds. */
const SMALL_BYTES = 128 * 1024;
const HEAP_MB = 384;
/** Buffers lie outside of the heap, so the memory of the process is watched for what they take. */
const GROWTH_BYTES = 512 * 1024 * 1024;
const WATCH_MS = 50;
const IDLE_MS = 30_000;

export interface ConvertOptions {
  /** The principal, for whose turn it is. */
  member: string;
  signal: AbortSignal;
}

export interface Converter {
  /** @throws ToolError when it cannot be converted within the limits */
  convert<Task extends Job['task']>(
    job: Extract<Job, { task: Task }>,
    options: ConvertOptions,
  ): Promise<JobResults[Task]>;
}

type Lane = 'pages' | 'documents';

class LimitError extends ToolError {}

/** By name: a worker hears its own messages through listeners too. */
function forgetListeners(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

/** The whole page takes time that grows with its length alone; an article may not be found in time. */
function mayBeRepeated(job: Job): job is TextJob {
  return job.task === 'text' && job.kind === 'html' && !job.full;
}

function toLane(job: Job): Lane {
  return job.task === 'text' && (job.kind === 'pdf' || job.kind === 'docx') ? 'documents' : 'pages';
}

export function createConverter(timeoutMs: number): Converter {
  const turns = createFairQueue({
    maxWaiting: 200,
    maxOfMember: 50,
    toError: (_lane, waiting) =>
      new ToolError(`${waiting} documents wait to be converted already.`, {
        hint: 'again when earlier calls have been answered',
      }),
  });
  const idle = new Map<Lane, { worker: Worker; timer: NodeJS.Timeout }>();

  const take = (lane: Lane): Worker => {
    const kept = idle.get(lane);
    if (kept !== undefined) {
      clearTimeout(kept.timer);
      idle.delete(lane);
      forgetListeners(kept.worker);
      kept.worker.ref();
      return kept.worker;
    }
    return startWorker(import.meta.url, 'convert', {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
      env: {},
      stdout: true,
      stderr: true,
    });
  };
  const keep = (lane: Lane, worker: Worker) => {
    worker.unref();
    const timer = setTimeout(() => {
      idle.delete(lane);
      void worker.terminate();
    }, IDLE_MS).unref();
    const forget = () => {
      clearTimeout(timer);
      if (idle.get(lane)?.worker === worker) idle.delete(lane);
    };
    worker.once('exit', forget).once('error', forget);
    idle.set(lane, { worker, timer });
  };

  const run = (lane: Lane, job: Job, signal: AbortSignal): Promise<JobAnswer> => {
    const mostMs = mayBeRepeated(job) ? timeoutMs / 2 : timeoutMs;
    const worker = take(lane);
    // Nobody reads what packages print; it must not reach the protocol's stdout.
    worker.stdout.resume();
    worker.stderr.resume();
    return new Promise<JobAnswer>((resolve, reject) => {
      const { rss } = process.memoryUsage();
      const settle = () => {
        clearTimeout(timer);
        clearInterval(watch);
        signal.removeEventListener('abort', stop);
        forgetListeners(worker);
      };
      const end = (reason: unknown) => {
        settle();
        // Errors of a thread that is being ended concern nobody.
        worker.on('error', () => {});
        void worker.terminate().then(() => reject(reason));
      };
      const stop = () => end(signal.reason);
      const timer = setTimeout(
        () => end(new LimitError(`The document took more than ${mostMs / 1000} s to convert.`)),
        mostMs,
      );
      const watch = setInterval(() => {
        if (lane === 'documents' && process.memoryUsage().rss - rss > GROWTH_BYTES)
          end(new LimitError('The document takes too much memory to convert.'));
      }, WATCH_MS);
      signal.addEventListener('abort', stop, { once: true });
      worker.once('message', (answer: JobAnswer) => {
        settle();
        keep(lane, worker);
        resolve(answer);
      });
      worker.once('error', (error: Error & { code?: string }) =>
        end(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? new LimitError('The document takes too much memory to convert.')
            : error,
        ),
      );
      worker.once('exit', () => end(new LimitError('The document could not be converted.')));
      worker.postMessage(job);
    });
  };

  const convertOnce = async (job: Job, { member, signal }: ConvertOptions) => {
    const lane = toLane(job);
    const release = await turns.acquire(lane, { member, signal });
    try {
      const answer = await run(lane, job, signal);
      if ('result' in answer) return answer.result;
      if ('wrong' in answer) throw new ToolError(answer.wrong);
      throw new Error(answer.defect);
    } finally {
      release();
    }
  };

  return {
    async convert<Task extends Job['task']>(
      job: Extract<Job, { task: Task }>,
      options: ConvertOptions,
    ): Promise<JobResults[Task]> {
      // The casts: the task of a job decides the type of its result.
      const given: Job = job;
      const isText = given.task === 'text';
      const isPlain = isText && ['text', 'json', 'xml'].includes(given.kind);
      if (isPlain && given.bytes.byteLength <= SMALL_BYTES)
        return toPlainText(given) as JobResults[Task];
      try {
        return (await convertOnce(given, options)) as JobResults[Task];
      } catch (error) {
        if (!(error instanceof LimitError) || !mayBeRepeated(given)) throw error;
        return (await convertOnce({ ...given, full: true }, options)) as JobResults[Task];
      }
    },
  };
}
