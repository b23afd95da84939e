// The threads that parse, few and replaceable. A task that takes too long costs its thread, which is
// ended and started anew; no text can take the others, or the process, with it.
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { ToolError, startWorker } from '@drawbridge/kit';
import type { ParseAnswer, ParseResults, ParseTask } from './parse-task.ts';

/** The text cannot be parsed: it takes too long, or broke the parser. */
export class ParseFailure extends Error {
  override readonly name = 'ParseFailure';
  readonly reason: 'timeout' | 'crash';

  constructor(reason: 'timeout' | 'crash', message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface ParserPool {
  readonly size: number;
  /** @throws ParseFailure; ToolError for what the caller can mend. */
  run<Task extends ParseTask>(task: Task, signal: AbortSignal): Promise<ParseResults[Task['kind']]>;
  close(): Promise<void>;
}

export interface ParserPoolOptions {
  /** Milliseconds for one task. */
  timeout?: number;
  size?: number;
  start?: () => Worker;
}

/** Far more than the largest file takes, because others may keep the machine busy. */
const TIMEOUT_MS = 15_000;
/** Milliseconds for a thread to start. */
const START_MS = 60_000;
/** Milliseconds after which a thread without work is ended. */
const IDLE_MS = 20_000;
const MAX_SIZE = 4;
/** MB of JavaScript's own memory for each thread. */
const MAX_HEAP_MB = 192;
/** MB of it for what is new: V8 would take 48 for each thread. */
const YOUNG_HEAP_MB = 12;

interface Waiting {
  task: ParseTask;
  signal: AbortSignal;
  resolve(result: ParseResults[ParseTask['kind']]): void;
  reject(error: unknown): void;
}

function startParser(): Worker {
  return startWorker(import.meta.url, 'parse', {
    resourceLimits: {
      maxOldGenerationSizeMb: MAX_HEAP_MB,
      maxYoungGenerationSizeMb: YOUNG_HEAP_MB,
    },
  });
}

export function createParserPool({
  timeout = TIMEOUT_MS,
  size = Math.min(Math.max(availableParallelism(), 1), MAX_SIZE),
  start = startParser,
}: ParserPoolOptions = {}): ParserPool {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const ready = new WeakSet<Worker>();
  const queue: Waiting[] = [];
  let idleTimer: NodeJS.Timeout | undefined;

  const end = (worker: Worker): void => {
    all.delete(worker);
    const at = idle.indexOf(worker);
    if (at >= 0) idle.splice(at, 1);
    // It ends in any case; what is left is to wait for it, which nobody needs.
    void worker.terminate();
  };
  const rest = (): void => {
    clearTimeout(idleTimer);
    if (idle.length < all.size) return;
    idleTimer = setTimeout(() => {
      for (let [worker] = idle; worker !== undefined; [worker] = idle) end(worker);
    }, IDLE_MS);
    idleTimer.unref();
  };
  const add = (): Worker => {
    const worker = start();
    // Threads never keep the process alive.
    worker.unref();
    all.add(worker);
    // One that breaks without a task is missed by nobody, but must not be given the next.
    worker.on('error', () => end(worker));
    worker.on('exit', () => end(worker));
    return worker;
  };
  const next = (): void => {
    while (queue.length > 0 && (idle.length > 0 || all.size < size)) {
      const waiting = queue.shift();
      if (waiting === undefined) return;
      if (waiting.signal.aborted) {
        waiting.reject(waiting.signal.reason);
        continue;
      }
      serve(idle.pop() ?? add(), waiting);
    }
    rest();
  };
  const serve = (worker: Worker, { task, signal, resolve, reject }: Waiting): void => {
    const settle = (healthy: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      if (healthy) idle.push(worker);
      else end(worker);
      next();
    };
    const onMessage = (answer: ParseAnswer): void => {
      if ('ready' in answer) {
        ready.add(worker);
        clearTimeout(timer);
        timer = limit(timeout);
        return;
      }
      settle(true);
      if ('result' in answer) resolve(answer.result);
      else if ('wrong' in answer) reject(new ToolError(answer.wrong));
      else reject(new ParseFailure('crash', answer.defect));
    };
    const onError = (error: Error): void => {
      settle(false);
      reject(new ParseFailure('crash', error.message));
    };
    const onExit = (): void => {
      settle(false);
      reject(new ParseFailure('crash', 'the thread ended'));
    };
    const abort = (): void => {
      settle(false);
      reject(signal.reason);
    };
    const limit = (most: number): NodeJS.Timeout =>
      setTimeout(() => {
        settle(false);
        reject(new ParseFailure('timeout', `parsing took longer than ${most} ms`));
      }, most);
    let timer = limit(ready.has(worker) ? timeout : START_MS);
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    signal.addEventListener('abort', abort, { once: true });
    worker.postMessage(task);
  };
  return {
    size,
    run: <Task extends ParseTask>(task: Task, signal: AbortSignal) =>
      new Promise<ParseResults[Task['kind']]>((resolve, reject) => {
        const waiting: Waiting = {
          task,
          signal,
          // The worker answers each kind of task with its kind of result.
          resolve: (result) => resolve(result as ParseResults[Task['kind']]),
          reject,
        };
        queue.push(waiting);
        next();
      }),
    async close() {
      clearTimeout(idleTimer);
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}
