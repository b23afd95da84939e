// Ends what a request opened when its key ends. The signal aborts the request's calls. An answer that is still
// open 400 ms later is cut off with its connection, so that no stream outlives its key. A bridge that stops
// aborts calls the same way but cuts nothing off, since it still answers them (calls/call-gate.ts).
import type { Context } from 'hono';
import { isStop } from '../../calls/call-gate.ts';
import type { Principals } from '../../principals/principals.ts';
import type { HttpEnv } from './http-env.ts';

/** For a cancelled call to say so on its stream. */
const STREAM_GRACE_MS = 200;
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
 * The same answer; if it is an event stream, it ends a moment after the signal. When the bridge stops, streams
 * that answer a call go on: they end with the call's answer.
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
          timer = setTimeout(end, STREAM_GRACE_MS);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        const part = await source.read();
        // The stream was closed while this read waited.
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
