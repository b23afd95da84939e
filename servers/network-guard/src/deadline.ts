// One signal for the caller's cancellation, a time limit and the guard's end. The listeners are taken off
// when the work is done: AbortSignal.any would keep something of every request on a signal that lives long.

export interface Deadline {
  readonly signal: AbortSignal;
  /** Ends it early, with the reason that the signal carries. */
  abort(reason: Error): void;
  close(): void;
}

export interface DeadlineOptions {
  signal: AbortSignal | undefined;
  timeoutMs: number;
  /** Made when the time is over. */
  toError: () => Error;
}

export function createDeadline({ signal, timeoutMs, toError }: DeadlineOptions): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(toError()), timeoutMs);
  const cancel = () => controller.abort(signal?.reason);
  if (signal?.aborted === true) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    close() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    },
  };
}

/** The promise's outcome, or the signal's reason when that comes first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        stop = () => reject(signal.reason);
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      }),
    ]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
