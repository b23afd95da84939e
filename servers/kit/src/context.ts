// What a tool knows of the call it serves, whichever transport and protocol era carried it.
import type { ServerContext } from '@modelcontextprotocol/server';
import { toIdentity, type CallerSource, type Identity } from './caller.ts';

export interface CallContext {
  readonly caller: Identity;
  /** Aborted when the caller cancels or goes away, and when the server stops. */
  readonly signal: AbortSignal;
  /** Sent only when the caller asked for progress; at most ten a second, never going back. */
  progress(done: number, total?: number, message?: string): Promise<void>;
}

/** Milliseconds between two progress notifications of one call. */
const PROGRESS_INTERVAL_MS = 100;

export function toCallContext(
  request: ServerContext,
  source: CallerSource,
  now: () => number = () => performance.now(),
): CallContext {
  const { _meta: meta, signal, notify } = request.mcpReq;
  const token = meta?.progressToken;
  let last = { at: -Infinity, done: -Infinity };
  return {
    caller: toIdentity(meta, source),
    signal,
    async progress(done, total, message) {
      const at = now();
      const due = at - last.at >= PROGRESS_INTERVAL_MS || done === total;
      if (token === undefined || signal.aborted || !due || done <= last.done) return;
      last = { at, done };
      await notify({
        method: 'notifications/progress',
        params: {
          progressToken: token,
          progress: done,
          ...(total !== undefined && { total }),
          ...(message !== undefined && { message }),
        },
      });
    },
  };
}
