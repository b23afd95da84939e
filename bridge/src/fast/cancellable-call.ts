// A call of a legacy client, which cancels by the request's id in a POST of its own, or by leaving.
import type { Outcome } from '../calls/call.ts';
import type { CallsUnderWay } from '../mcp/calls-under-way.ts';

export interface CancellableCall {
  /** As `toRequestKey` makes it. */
  readonly key: string;
  /** Aborted when the caller has left, or its key has ended. */
  readonly gone: AbortSignal;
  readonly carry: (signal: AbortSignal) => Promise<Outcome>;
}

/** Carries the call; as long as it is under way, `underWay` can cancel it. */
export async function carryCancellable(
  underWay: CallsUnderWay,
  { key, gone, carry }: CancellableCall,
): Promise<Outcome> {
  const abort = new AbortController();
  const onGone = (): void => abort.abort(gone.reason);
  underWay.add(key, { close: () => abort.abort() });
  gone.addEventListener('abort', onGone);
  if (gone.aborted) onGone();
  try {
    return await carry(abort.signal);
  } finally {
    gone.removeEventListener('abort', onGone);
    underWay.delete(key);
  }
}
