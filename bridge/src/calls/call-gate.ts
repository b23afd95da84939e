// The gate before the pipeline. It knows the calls under way. When the bridge stops it refuses new calls,
// waits a while for the others, and answers those that do not end: no caller is left without an answer.
import { DrawbridgeError, type DrawbridgeErrorCode, hasCode } from '../errors.ts';
import { DrainableMap } from '../flow/drainable-map.ts';
import { isRecord } from '../json-record.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import {
  type Call,
  type FailedOutcome,
  type Outcome,
  type RpcError,
  type Target,
  toFailure,
} from './call.ts';
import type { Handler } from './step.ts';

export interface CallGate {
  /** Hands a call to the pipeline, or refuses it once the bridge stops. */
  readonly call: Handler<Call>;
  isClosed(): boolean;
  /** Refuses new calls; resolves when no caller waits for an answer any more. */
  close(options: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /** How long calls under way may go on, in milliseconds. */
  readonly graceMs: number;
  /** How long aborted calls then have for their ends to be logged, in milliseconds. */
  readonly lastMs: number;
  /** Aborts the calls under way with {@link toStopReason}. */
  readonly abort: () => void;
}

export interface CallGateOptions {
  readonly next: Handler<Call>;
  readonly find: (call: Call) => Target | RpcError;
}

const STOPPING = 'The bridge is stopping; the call was not sent. Send it again in a moment.';

export function createCallGate({ next, find }: CallGateOptions): CallGate {
  const underWay = new DrainableMap<Call, (outcome: Outcome) => void>();
  let isClosed = false;

  /** A call that changes nothing, or was never sent, may be sent again. */
  const toInterrupted = (call: Call, wasSent: boolean): Outcome => {
    const target = find(call);
    const isRead = 'effect' in target && target.effect === 'read';
    if (!wasSent) return refused(STOPPING);
    return isRead
      ? refused('The bridge stopped during the call, which changes nothing. Send it again.')
      : toUnknown(call);
  };

  return {
    isClosed: () => isClosed,
    call(call) {
      if (isClosed) return Promise.resolve(refused(STOPPING));
      return new Promise((resolve, reject) => {
        const made = next(call);
        underWay.set(call, resolve);
        made.then(
          (outcome) => {
            underWay.delete(call);
            const isInterrupted = outcome.kind === 'cancelled' && isStop(call.signal.reason);
            if (isInterrupted) resolve(toInterrupted(call, outcome.sent !== false));
            else resolve(disown(outcome));
          },
          (error: unknown) => {
            underWay.delete(call);
            reject(error);
          },
        );
      });
    },
    async close({ graceMs, lastMs, abort }) {
      isClosed = true;
      await underWay.untilEmpty(graceMs);
      abort();
      await underWay.untilEmpty(lastMs);
      for (const call of underWay.keys()) underWay.get(call)?.(toUnknown(call));
    },
  };
}

/** Why calls and streams end that are still open when the bridge stops. */
export function toStopReason(): DrawbridgeError {
  return new DrawbridgeError('bridge/stopping', 'The bridge is stopping. Try again in a moment.');
}

export function isStop(reason: unknown): boolean {
  return hasCode(reason, 'bridge/stopping');
}

const gateCodes = new Set<unknown>([
  'bridge/stopping',
  'bridge/outcome_unknown',
] satisfies DrawbridgeErrorCode[]);

/** Whether the gate itself answered the call. */
export function isOfStop(outcome: Outcome): outcome is FailedOutcome {
  return outcome.kind === 'protocol_error' && gateCodes.has(outcome.code);
}

/**
 * Takes the gate's codes out of a server's error: callers send a call again when the gate says so, and no
 * server may say it.
 */
function disown(outcome: Outcome): Outcome {
  if (outcome.kind !== 'protocol_error' || !isRecord(outcome.error.data)) return outcome;
  if (!gateCodes.has(outcome.error.data['code'])) return outcome;
  const { code, message } = outcome.error;
  return { kind: outcome.kind, error: { code, message } };
}

function refused(message: string): FailedOutcome {
  return toFailure({ code: INTERNAL_ERROR, message, data: { code: 'bridge/stopping' } });
}

function toUnknown({ id: callId, name, runId }: Call): FailedOutcome {
  return toFailure({
    code: INTERNAL_ERROR,
    message: `The bridge stopped while ${name} was under way; the outcome is unknown. Look before you repeat it.`,
    data: { code: 'bridge/outcome_unknown', callId, runId },
  });
}
