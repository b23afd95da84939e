// Fourth step, the inner half of recording. The start of a call that may change something is committed
// before the call is sent, so nothing is done that the log does not know. The start of a read-only call is
// written with its end, in one commit; or after 100 ms, so that a long one is seen while it runs.
import { DrawbridgeError, toMessage, toPublicMessage } from '../errors.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import { type Outcome, type RoutedCall, toFailure } from './call.ts';
import type { Step } from './step.ts';
import type { Recordable } from './call-record.ts';

const READ_GRACE_MS = 100;

export function createWriteAheadStep(): Step<Recordable<RoutedCall>, RoutedCall> {
  return async (call, next) => {
    if (call.target.effect !== 'read') {
      try {
        await call.record.start();
      } catch (error) {
        return notLogged(error);
      }
      return next(call);
    }
    // If this write fails, the write of the end fails too, and tells the caller.
    const timer = setTimeout(() => void call.record.start().catch(() => undefined), READ_GRACE_MS);
    try {
      return await next(call);
    } finally {
      clearTimeout(timer);
    }
  };
}

function notLogged(error: unknown): Outcome {
  const isOurs = error instanceof DrawbridgeError;
  const code = isOurs ? error.code : 'log/unavailable';
  const why = isOurs ? toPublicMessage(error) : toMessage(error);
  return toFailure({
    code: INTERNAL_ERROR,
    message: `The call was not sent, because it could not be recorded: ${why}`,
    data: { code },
  });
}
