// First step: finds the server behind the name, and the effect of the call there. A call whose name leads
// nowhere goes on with its refusal, so that the log has it too. A call for a server whose settings just
// changed waits for it.
import type { Call, Outcome, RoutedCall, BridgeRpcError, Target } from './call.ts';
import type { Handler, Step } from './step.ts';

export interface RefusedCall extends Call {
  readonly refusal: BridgeRpcError;
}

export type RefusableCall = RoutedCall | RefusedCall;

/** Finds the target of a call in the catalog; a {@link BridgeRpcError} says why there is none. */
export type FindTarget = (call: Call) => Target | BridgeRpcError;

/** Resolves when it is worth looking again; undefined when it is not worth waiting. */
export type AwaitTarget = (call: Call) => Promise<void> | undefined;

export function createRouteStep(
  find: FindTarget,
  changing: AwaitTarget = () => undefined,
): Step<Call, RefusableCall> {
  const routeAfter = async (
    changed: Promise<void>,
    call: Call,
    next: Handler<RefusableCall>,
  ): Promise<Outcome> => {
    const since = performance.now();
    await changed;
    const found = find(call);
    return 'upstream' in found
      ? next({ target: found, waitedMs: performance.now() - since, ...call })
      : next({ refusal: found, ...call });
  };
  return (call, next) => {
    const found = find(call);
    if ('upstream' in found) return next({ target: found, ...call });
    const changed = changing(call);
    return changed === undefined
      ? next({ refusal: found, ...call })
      : routeAfter(changed, call, next);
  };
}
