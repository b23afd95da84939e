// What a request opened ends with the key it came with: its calls are aborted through the signal, and
// whatever of the answer is still open a moment later is cut off with its connection, so that no
// stream, of whichever route, outlives its key. A bridge that stops aborts calls the same way, but cuts
// nothing off: it answers first (calls/call-gate.ts).
import type { Context } from 'hono';
import { isStop } from '../../calls/call-gate.ts';
import type { Principals } from '../../principals/principals.ts';
import type { HttpEnv } from './http-env.ts';

/** A cancelled call may still say so on the stream that waits for it. */
export const LAST_WORDS_MS = 200;
const CUT_AFTER_MS = 400;

/** Holds the principal's key until the answer is written; sets `keyEnded`. */
export async function holdKey(
  c: Context<HttpEnv>,
  principals: Pick<Principals, 'hold'>,
  next: () => Promise<void>,
): Promise<void> {
  const { outgoing } = c.env;
  const ended = new AbortController();
  c.set('keyEnded', ended.signal);
  const release = principals.hold(c.get('principal'), (reason) => {
    ended.abort(reason);
    if (outgoing !== undefined && !isStop(reason))
      setTimeout(() => cut(outgoing), CUT_AFTER_MS).unref();
  });
  if (outgoing === undefined) {
    try {
      await next();
    } finally {
      release();
    }
    return;
  }
  outgoing.once('close', release);
  await next();
}

function cut(outgoing: NonNullable<HttpEnv['Bindings']['outgoing']>): void {
  if (!outgoing.writableFinished) outgoing.destroy();
}

/**
 * The answer as it is, but a stream of events ends with the signal, after its last words. A bridge that
 * stops leaves those that calls are answered on: they end by themselves.
 */
export function endWith(
  response: Response,
  signal: AbortSignal,
  { isCall }: { readonly isCall: boolean },
): Response {
  const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') ?? false;
  if (!isStream || response.body === null) return response;
  const source = response.body.getReader();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  let hasEnded = false;
  const letGo = (): void => {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (): void => {
          hasEnded = true;
          letGo();
          controller.close();
          source.cancel(signal.reason).catch(() => undefined); // it has ended by itself
        };
        onAbort = () => {
          if (isCall && isStop(signal.reason)) return;
          timer = setTimeout(end, LAST_WORDS_MS);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        const part = await source.read();
        // Ended while it waited: the reader has seen the end already.
        if (hasEnded) return;
        if (part.done) {
          letGo();
          controller.close();
        } else controller.enqueue(part.value);
      },
      async cancel(reason) {
        letGo();
        await source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
