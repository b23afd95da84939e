// Waits within a limit. Work that takes longer goes on, and nobody hears how it ended.

/**
 * @param ms at most; infinite where nobody is in a hurry
 * @throws Error with the message when it takes longer
 */
export function withTimeout<T>(
  work: Promise<T>,
  ms: number,
  message = `no answer in ${Math.round(ms)} ms`,
): Promise<T> {
  return race(work, ms, (): never => {
    throw new Error(message);
  });
}

/** What the work resolves with; undefined when it takes longer. */
export function waitAtMost<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  return race(work, ms, () => undefined);
}

/** @throws the signal's reason when it aborts first */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

async function race<T, D>(work: Promise<T>, ms: number, onTimeout: () => D): Promise<T | D> {
  if (ms === Number.POSITIVE_INFINITY) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    return await Promise.race([work, late.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}
