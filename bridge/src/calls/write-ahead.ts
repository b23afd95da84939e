// The recorder's inner half: a call that may change something is committed as started before it is
// sent, so nothing is ever done that the log does not know. A call known as read-only is written
// with its end, in one commit, unless it takes long enough for somebody to look.
import { DrawbridgeError, toMessage, toPublicMessage } from '../errors.ts';
import { type Outcome, type RoutedCall, toFailure } from './call.ts';
import type { Step } from './step.ts';
import type { Recordable } from './record.ts';

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
    // A failure to write is met again, and answered, when the end of the call is written.
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
    code: -32_603,
    message: `The call was not sent, because it could not be recorded: ${why}`,
    data: { code },
  });
}
