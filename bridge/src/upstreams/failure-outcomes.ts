// What callers are told when a server did not answer their call. Operators read all of it. What anybody
// reads names no command, path or line that the server wrote.
import type { Outcome, RoutedCall } from '../calls/call.ts';
import { DrawbridgeError, hasCode, toMessage } from '../errors.ts';
import { toProtocolError, toRpcError, type UpstreamErrorCode } from './call-end.ts';

export interface FailedUpstream {
  readonly name: string;
  /** Epoch milliseconds of the next start, when there is a wait. */
  readonly retryAt: number | undefined;
}

/** The call found no connection. */
export function toUnavailable(
  error: unknown,
  role: RoutedCall['principal']['role'],
  { name, retryAt }: FailedUpstream,
): Outcome {
  const isOurs = error instanceof DrawbridgeError;
  const full = isOurs ? error.message : `upstream "${name}" is not available: ${toMessage(error)}`;
  const message = role === 'operator' ? full : toTold(error, name);
  const code: UpstreamErrorCode =
    isOurs && (error.code === 'upstream/busy' || error.code === 'upstream/start_failed')
      ? error.code
      : 'upstream/unavailable';
  return toProtocolError(code, `${message}${toRetryHint(retryAt)}`, {
    upstream: name,
    retryAt,
    stderr: role === 'operator' ? toStderr(error) : undefined,
  });
}

/** The call was sent a second time after a lost connection, and lost again. */
export function toFailedTwice(why: string, { name, retryAt }: FailedUpstream): Outcome {
  return toProtocolError(
    'upstream/crashed',
    `upstream "${name}" failed twice during the call: ${why}${toRetryHint(retryAt)}`,
    { upstream: name, retryAt },
  );
}

/** The call was lost and may not be repeated. */
export function toOutcomeUnknown(why: string, { name, retryAt }: FailedUpstream): Outcome {
  return toProtocolError(
    'upstream/outcome_unknown',
    `upstream "${name}" was lost during the call: ${why}. Whether the call took effect is unknown, so it was not repeated${toRetryHint(retryAt)}`,
    { upstream: name, retryAt },
  );
}

/** The call's time was over before its turn came. */
export function toLate(timeoutMs: number, name: string): Outcome {
  return toTimedOut(
    `was busy with other calls for ${timeoutMs / 1_000} s; this one was not sent`,
    name,
  );
}

export function toTimeout(timeoutMs: number, name: string): Outcome {
  return toTimedOut(
    `did not answer within ${timeoutMs / 1_000} s; it was told to cancel the call`,
    name,
  );
}

function toTimedOut(what: string, name: string): Outcome {
  const code = 'upstream/timeout';
  return {
    kind: 'timed_out',
    code,
    error: toRpcError(code, `upstream "${name}" ${what}`, { upstream: name }),
  };
}

function toRetryHint(retryAt: number | undefined): string {
  return retryAt === undefined
    ? ''
    : `; it is tried again after ${new Date(retryAt).toISOString()}`;
}

/** A failure to start or to reach a server, in words for anybody. */
export function toTold(error: unknown, name: string): string {
  if (error instanceof DrawbridgeError) {
    const { code, details, message } = error;
    if (details !== undefined && 'told' in details) return details.told;
    if (code === 'upstream/busy') return message;
    if (code === 'upstream/start_failed') return `upstream "${name}" could not be started`;
  }
  return `upstream "${name}" is not available`;
}

/** The last lines of stderr, where a failure has them. */
function toStderr(error: unknown): string | undefined {
  return hasCode(error, 'upstream/start_failed') ? error.details?.stderr : undefined;
}
