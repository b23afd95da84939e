// Policy's place in the way of a call: what the catalog refused ends here, and a principal that has
// too many calls under way is denied.
import { CompactingMap } from '../flow/compacting-map.ts';
import { type BegunCall, createCallWindow } from './window.ts';
import { type Outcome, type RoutedCall, toFailure } from './call.ts';
import type { Step } from './step.ts';
import type { Recordable } from './record.ts';
import { LargeJson } from './large-json/large-json.ts';
import { type Refusal, createRefusals } from './refusals.ts';
import type { RefusableCall } from './route.ts';

/** Large arguments of one principal that are held in memory at once. */
const LARGE_BYTES_UNDER_WAY = 32 * 1024 * 1024;

export interface AdmitOptions {
  /** Calls of one principal under way at once; read at each call, since settings change. */
  readonly concurrentCalls: () => number;
  /** The timeout of a server's calls, in milliseconds. */
  readonly timeout: (upstream: string) => number;
  /** Whether so much of a principal waits for the log that it takes no more. */
  readonly isLogFull?: (principalId: string) => boolean;
}

/** The log has no room for it. */
const UNLOGGED = { kind: 'counted' } as const;

export function createAdmitStep({
  concurrentCalls,
  timeout,
  isLogFull = () => false,
}: AdmitOptions): Step<Recordable<RefusableCall>, Recordable<RoutedCall>> {
  /** Of calls that lead nowhere; each is in the log. */
  const strays = createRefusals();
  const refusals = createRefusals();
  const largeBytes = new CompactingMap<string, number>();
  const window = createCallWindow();
  const underWay = new CompactingMap<string, number>();
  return async (call, next) => {
    if ('refusal' in call) {
      const { arguments: given } = call.params;
      await strays.pace(call.principal.id, !(given instanceof LargeJson));
      return toFailure(call.refusal);
    }
    const limit = concurrentCalls();
    const key = call.principal.id;
    const count = underWay.get(key) ?? 0;
    const { arguments: given } = call.params;
    const bytes = given instanceof LargeJson ? given.bytes.length : 0;
    const held = (largeBytes.get(key) ?? 0) + bytes;
    const { name } = call.principal;
    if (isLogFull(key)) {
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
      const refusal = await refusals.pace(key, bytes === 0);
      return toDenied(refusal, why, { limit });
    }
    underWay.set(key, count + 1);
    if (bytes > 0) largeBytes.set(key, held);
    let begun: BegunCall | undefined;
    try {
      let admitted = call;
      if (!window.enter(key)) {
        const since = performance.now();
        const timeoutMs = timeout(call.target.upstream);
        const waited = await window.wait(key, { signal: call.signal, timeoutMs });
        if (waited === 'timed_out') return toLate(call, timeoutMs);
        if (waited === 'cancelled') return { kind: 'cancelled' };
        admitted = { waitedMs: performance.now() - since, ...call };
      }
      begun = window.begin(key);
      return call.signal.aborted ? { kind: 'cancelled' } : await next(admitted);
    } finally {
      if (begun !== undefined) window.leave(begun);
      const stillHeld = (largeBytes.get(key) ?? 0) - bytes;
      if (stillHeld > 0) largeBytes.set(key, stillHeld);
      else if (bytes > 0) largeBytes.delete(key);
      const left = (underWay.get(key) ?? 1) - 1;
      if (left === 0) underWay.delete(key);
      else underWay.set(key, left);
    }
  };
}

function toDenied(refusal: Refusal | undefined, message: string, data: object = {}): Outcome {
  const code = 'policy/limit';
  return {
    kind: 'denied',
    code,
    ...(refusal !== undefined && { refusal }),
    error: { code: -32_003, message, data: { code, ...data } },
  };
}

function toLate({ target }: RoutedCall, timeoutMs: number): Outcome {
  const message = `Other calls were under way for ${timeoutMs / 1_000} s; this one was not sent to upstream "${target.upstream}".`;
  const code = 'upstream/timeout';
  const data = { code, upstream: target.upstream };
  return { kind: 'timed_out', code, error: { code: -32_603, message, data } };
}
