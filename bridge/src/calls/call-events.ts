// The events of a call as the log has them: its start, and the end for each outcome.
import { INLINE_BODY_BYTES } from '@drawbridge/schemas';
import { DrawbridgeError, type DrawbridgeErrorCode } from '../errors.ts';
import { toJsonText } from '../json-text.ts';
import { JsonText, type LogEvent, PreparedBody } from '../runs/event-text.ts';
import type { AnsweredOutcome, Call, Outcome } from './call.ts';
import { LargeJson } from './large-json/large-json.ts';
import type { RefusableCall } from './route.ts';

export type CallEvent = Extract<LogEvent, { type: `call.${string}` }>;
type CallDescription = Extract<CallEvent, { type: 'call.started' }>['payload'];

export function toStartEvent(call: RefusableCall): CallEvent {
  return { type: 'call.started', payload: describe(call) };
}

export function toEndEvent(call: RefusableCall, outcome: Outcome, durationMs: number): CallEvent {
  const callId = call.id;
  switch (outcome.kind) {
    case 'result':
    case 'tool_error':
      return {
        type: 'call.completed',
        payload: { callId, outcome: outcome.kind, result: toBody(outcome) },
        durationMs,
      };
    case 'protocol_error':
    case 'timed_out':
      return {
        type: 'call.failed',
        payload: {
          callId,
          outcome: isUnknown(outcome) ? 'unknown' : outcome.kind,
          error: outcome.error,
          ...describeUnsent(call, outcome),
        },
        durationMs,
      };
    case 'input_required':
      return { type: 'call.input_required', payload: { callId, requests: outcome.result } };
    case 'cancelled':
      return {
        type: 'call.cancelled',
        payload: { callId, ...toReason(call.signal), ...describeUnsent(call, outcome) },
        durationMs,
      };
    case 'denied':
      return {
        type: 'call.denied',
        payload: {
          reason: outcome.error.message,
          ...(outcome.refusal?.kind === 'counting' && { others: outcome.refusal.others }),
          ...describe(call, true),
        },
        durationMs,
      };
    default:
      return outcome satisfies never;
  }
}

/** The end of a call that was not sent describes the call: its start may not be in the log. */
function describeUnsent(
  call: RefusableCall,
  { sent }: { readonly sent?: false },
): (CallDescription & { readonly sent: false }) | undefined {
  return sent === false ? { sent, ...describe(call) } : undefined;
}

/** Why the bridge itself cancelled a call; a caller gives no reason. */
function toReason({ reason }: AbortSignal): { reason?: string } {
  return reason instanceof DrawbridgeError ? { reason: reason.message } : {};
}

function toBody(outcome: AnsweredOutcome): unknown {
  const { text, large } = outcome;
  if (large !== undefined) return large.logged;
  return text === undefined ? outcome.result : new JsonText(text);
}

function isUnknown({ code, sent }: { code?: DrawbridgeErrorCode; sent?: false }): boolean {
  return sent === undefined && (code?.endsWith('/outcome_unknown') ?? false);
}

function describe(call: RefusableCall, isRefused = false): CallDescription {
  const target = 'target' in call ? call.target : undefined;
  return {
    callId: call.id,
    method: call.method,
    name: call.name,
    arguments: target === undefined || isRefused ? toShortArguments(call) : toArguments(call),
    readOnly: target?.effect === 'read',
    principal: call.principal.id,
    era: call.client.era,
    upstream: target?.upstream,
    definitionHash: target?.definitionHash,
    client: call.client.name,
    requestId: call.requestId,
  };
}

/** Large arguments of a call that was refused are not stored; their size is. */
function toShortArguments(call: Call): unknown {
  const given = toArguments(call);
  if (given instanceof PreparedBody) return { omittedBytes: given.size };
  const { length } = toJsonText(given);
  return length <= INLINE_BODY_BYTES ? given : { omittedCharacters: length };
}

function toArguments(call: Call): unknown {
  switch (call.method) {
    case 'tools/call':
    case 'prompts/get': {
      const { arguments: given } = call.params;
      return given instanceof LargeJson ? given.logged : (given ?? {});
    }
    case 'completion/complete':
      return call.params['argument'] ?? {};
    case 'resources/read':
      return {};
    default:
      return call.method satisfies never;
  }
}
