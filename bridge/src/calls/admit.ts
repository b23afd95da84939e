// Third step: ends the calls that the catalog refused, denies those of a principal that has too many under
// way, and lets the others in by turns (window.ts).
import { CompactingMap } from '../flow/compacting-map.ts';
import { DENIED, INTERNAL_ERROR } from '../rpc-codes.ts';
import { type BegunCall, createCallWindow } from './window.ts';
import { type Outcome, type RoutedCall, toFailure } from './call.ts';
import type { Step } from './step.ts';
import type { Recordable } from './call-record.ts';
import { LargeJson } from './large-json/large-json.ts';
import { type Refusal, createRefusals } from './refusals.ts';
import type { RefusableCall } from './route.ts';

/** Bytes of large arguments that the calls of one principal may hold at once. */
const LARGE_BYTES_UNDER_WAY = 32 * 1024 * 1024;

export interface AdmitOptions {
  /** Calls of one principal under way at once; read at each call, since settings change. */
  readonly concurrentCalls: () => number;
  /** The timeout of a server's calls, in milliseconds. */
  readonly timeout: (upstream: string) => number;
  /** Whether so many events of a principal wait for the log that it takes no more of them. */
  readonly isLogFull?: (principalId: string) => boolean;
}

/** A refusal that the log has no room for. */
const UNLOGGED = { kind: 'counted' } as const;

export function createAdmitStep({
  concurrentCalls,
  timeout,
  isLogFull = () => false,
}: AdmitOptions): Step<Recordable<RefusableCall>, Recordable<RoutedCall>> {
  /** Paces calls whose name leads nowhere; each of them is in the log. */
  const unroutable = createRefusals();
  const refusals = createRefusals();
  const largeBytes = new CompactingMap<string, number>();
  const window = createCallWindow();
  const underWay = new CompactingMap<string, number>();
  return async (call, next) => {
    if ('refusal' in call) {
      const { arguments: given } = call.params;
      await unroutable.pace(call.principal.id, !(given instanceof LargeJson));
      return toFailure(call.refusal);
    }
    const limit = concurrentCalls();
    const { id: principalId, name } = call.principal;
    const count = underWay.get(principalId) ?? 0;
    const { arguments: given } = call.params;
    const bytes = given instanceof LargeJson ? given.bytes.length : 0;
    const held = (largeBytes.get(principalId) ?? 0) + bytes;
    if (isLogFull(principalId)) {
      const message = `Too many events of ${name} wait to be recorded; the call was not sent. Try again later.`;
      return toDenied(UNLOGGED, message);
    }
    const why =
      count >= limit
        ? `${limit} calls of ${name} are under way already; wait for one to end.`
        : bytes > 0 && held > LARGE_BYTES_UNDER_WAY
          ? `Calls of ${name} with ${held - bytes} bytes of arguments are under way already; wait for one to end.`
          : undefined;
    if (why !== undefined) {
      const refusal = await refusals.pace(principalId, bytes === 0);
      return toDenied(refusal, why, { limit });
    }
    underWay.set(principalId, count + 1);
    if (bytes > 0) largeBytes.set(principalId, held);
    let begun: BegunCall | undefined;
    try {
      let admitted = call;
      if (!window.enter(principalId)) {
        const since = performance.now();
        const before = call.waitedMs ?? 0;
        const timeoutMs = Math.max(1, Math.round(timeout(call.target.upstream) - before));
        const waited = await window.wait(principalId, { signal: call.signal, timeoutMs });
        if (waited === 'timed_out') return toLate(call, timeoutMs);
        if (waited === 'cancelled') return { kind: 'cancelled' };
        const waitedMs = before + performance.now() - since;
        admitted = call.waitedMs === undefined ? { waitedMs, ...call } : { ...call, waitedMs };
      }
      begun = window.begin(principalId);
      return call.signal.aborted ? { kind: 'cancelled' } : await next(admitted);
    } finally {
      if (begun !== undefined) window.leave(begun);
      const stillHeld = (largeBytes.get(principalId) ?? 0) - bytes;
      if (stillHeld > 0) largeBytes.set(principalId, stillHeld);
      else if (bytes > 0) largeBytes.delete(principalId);
      const left = (underWay.get(principalId) ?? 1) - 1;
      if (left === 0) underWay.delete(principalId);
      else underWay.set(principalId, left);
    }
  };
}

function toDenied(refusal: Refusal | undefined, message: string, data: object = {}): Outcome {
  const code = 'policy/limit';
  return {
    kind: 'denied',
    code,
    ...(refusal !== undefined && { refusal }),
    error: { code: DENIED, message, data: { code, ...data } },
  };
}

function toLate({ target }: RoutedCall, timeoutMs: number): Outcome {
  const message = `Other calls were under way for ${timeoutMs / 1_000} s; this one was not sent to upstream "${target.upstream}".`;
  const code = 'upstream/timeout';
  const data = { code, upstream: target.upstream };
  return { kind: 'timed_out', code, error: { code: INTERNAL_ERROR, message, data } };
}
