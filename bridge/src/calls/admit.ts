// Policy's place in the way of a call: what the catalog refused ends here, and a principal that has
// too many calls under way is denied.
import { PassingMap } from '../passing-map.ts';
import type { RoutedCall } from './call.ts';
import type { Step } from './pipeline.ts';
import type { Recordable } from './record.ts';
import type { RefusableCall } from './route.ts';

export interface AdmitOptions {
  /** Calls of one principal under way at once; read at each call, since settings change. */
  readonly concurrentCalls: () => number;
}

export function createAdmitStep({
  concurrentCalls,
}: AdmitOptions): Step<Recordable<RefusableCall>, Recordable<RoutedCall>> {
  const underWay = new PassingMap<string, number>();
  return async (call, next) => {
    if ('refusal' in call) return { kind: 'protocol_error', error: call.refusal };
    const limit = concurrentCalls();
    const key = call.principal.id;
    const count = underWay.get(key) ?? 0;
    if (count >= limit) {
      return {
        kind: 'denied',
        error: {
          code: -32_003,
          message: `${limit} calls of ${call.principal.name} are under way already; wait for one to end.`,
          data: { code: 'policy/limit', limit },
        },
      };
    }
    underWay.set(key, count + 1);
    try {
      return await next(call);
    } finally {
      const left = (underWay.get(key) ?? 1) - 1;
      if (left === 0) underWay.delete(key);
      else underWay.set(key, left);
    }
  };
}
