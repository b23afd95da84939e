// First step: which server is behind the name, and what may the call do there. A name that leads
// nowhere goes on as a refusal, so that the log has it too.
import type { Call, RoutedCall, RpcError, Target } from './call.ts';
import type { Step } from './pipeline.ts';

export interface RefusedCall extends Call {
  readonly refusal: RpcError;
}

export type RefusableCall = RoutedCall | RefusedCall;

/** Finds the target of a call in the catalog; a {@link RpcError} says why there is none. */
export type FindTarget = (call: Call) => Target | RpcError;

export function createRouteStep(find: FindTarget): Step<Call, RefusableCall> {
  return (call, next) => {
    const found = find(call);
    return next('upstream' in found ? { target: found, ...call } : { refusal: found, ...call });
  };
}
