// The recorder's outer half: whatever happens to a call, its end is committed before the outcome is
// let out. A call that could not be committed must not look answered, so its outcome is unknown; its end
// is owed, and written when the log can be written again (runs/owed-ends.ts).
import { INLINE_BODY_BYTES } from '@drawbridge/schemas';
import { DrawbridgeError, type DrawbridgeErrorCode, toPublicMessage } from '../errors.ts';
import { JsonText, type LogEvent, PreparedBody } from '../runs/event-text.ts';
import { toJsonText } from '../json-text.ts';
import type { LogOwner } from '../runs/log-owners.ts';
import type { Redact } from '../secrets/redaction.ts';
import type { CallLog, RunLog } from '../runs/run-log.ts';
import { redactText, redactValue } from '../secrets/redact-value.ts';
import { LargeJson } from './large-json/large-json.ts';
import { type AnsweredOutcome, type Call, type CallSink, type Outcome, toFailure } from './call.ts';
import { type NoteBudget, createNoteBudget } from './note-budget.ts';
import type { Step } from './step.ts';
import type { RefusableCall } from './route.ts';

export type CallEvent = Extract<LogEvent, { type: `call.${string}` }>;
type CallDescription = Extract<CallEvent, { type: 'call.started' }>['payload'];

/** A call that carries its own record. */
export type Recordable<C extends Call> = C & { readonly record: CallRecord };

export interface RecordOptions {
  readonly log: Pick<RunLog, 'calls'>;
  readonly now?: () => number;
  /** Redacts what an upstream says besides its results, for callers as for the log. */
  readonly redact?: Redact;
  /** Called once per call, after the commit. */
  readonly onEnd?: (call: RefusableCall, outcome: Outcome, seconds: number) => void;
}

interface CallRecordDeps {
  readonly log: RecordOptions['log'];
  readonly now: () => number;
  readonly budget: NoteBudget;
  readonly redact: Redact;
}

const PROGRESS_INTERVAL_MS = 100;
const MESSAGES_PER_CALL = 1_000;
/** JSON-RPC's. */
const INTERNAL_ERROR = -32_603;

/**
 * One call's record in the log. Progress is logged at most every 100 ms, messages up to 1,000 a call, and
 * both as far as the server's share of the log goes, so that a chattering server cannot flood the log;
 * the caller still gets all of them, and the log tells how many it left out.
 */
export class CallRecord {
  readonly #call: RefusableCall;
  readonly #log: CallLog;
  readonly #now: () => number;
  readonly #redact: Redact;
  #started: Promise<number> | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #messages = 0;
  readonly #budget: NoteBudget;
  #leftOut = 0;
  #failure: unknown;
  #isSent = false;

  get #owner(): LogOwner {
    return this.#call.principal;
  }

  constructor(call: RefusableCall, { log, now, budget, redact }: CallRecordDeps) {
    this.#redact = redact;
    this.#call = call;
    this.#log = log.calls();
    this.#now = now;
    this.#budget = budget;
  }

  /** Its server may have it from here on. */
  markSent(): void {
    this.#isSent = true;
  }

  /** The outcome, marked where nothing was sent. */
  toUnsent(outcome: Outcome): Outcome {
    switch (outcome.kind) {
      case 'protocol_error':
      case 'timed_out':
      case 'cancelled':
        return this.#isSent ? outcome : { ...outcome, sent: false };
      default:
        return outcome;
    }
  }

  /** Writes `call.started` once; resolves when it is committed. */
  start(): Promise<number> {
    this.#started ??= this.#log.append(
      this.#call.runId,
      { type: 'call.started', payload: describe(this.#call) },
      this.#owner,
    );
    return this.#started;
  }

  /** Appends the end of the call and resolves when everything of it is committed. */
  async end(outcome: Outcome, durationMs: number): Promise<void> {
    if (outcome.kind === 'denied' && outcome.refusal?.kind === 'counted') return;
    if (this.#leftOut > 0) this.#tellLeftOut();
    const started = outcome.kind === 'denied' ? this.#started : this.start();
    await Promise.all([
      started,
      this.#log.append(this.#call.runId, this.#ending(outcome, durationMs), this.#owner),
    ]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends a call that failed inside the bridge; its front reports the error. A call that did not start gets no end. */
  async abandon(durationMs: number): Promise<void> {
    if (this.#started === undefined) return;
    const error = { code: INTERNAL_ERROR, message: 'The bridge failed; its log says why.' };
    await this.end({ kind: 'protocol_error', error }, durationMs).catch(() => undefined); // owed
  }

  /** A sink that logs what it passes on. */
  sink(to: CallSink): CallSink {
    const { id: callId, runId } = this.#call;
    return {
      progress: (params) => {
        const now = this.#now();
        if (now - this.#lastProgress >= PROGRESS_INTERVAL_MS) {
          this.#lastProgress = now;
          if (this.#mayNote(params)) {
            this.#note(runId, { type: 'call.progress', payload: { callId, ...params } });
          }
        }
        const { message } = params;
        to.progress(
          message === undefined
            ? params
            : { ...params, message: redactText(this.#redact, message) },
        );
      },
      message: (params) => {
        if (this.#messages++ >= MESSAGES_PER_CALL) this.#leftOut += 1;
        else if (this.#mayNote(params)) {
          this.#note(runId, { type: 'call.message', payload: { callId, ...params } });
        }
        to.message(redactValue(this.#redact, params));
      },
    };
  }

  #mayNote(note: unknown): boolean {
    const upstream = 'target' in this.#call ? this.#call.target.upstream : '';
    const isTaken = this.#budget.take(upstream, note);
    if (!isTaken) this.#leftOut += 1;
    return isTaken;
  }

  #tellLeftOut(): void {
    const { id: callId, runId } = this.#call;
    const data = `${this.#leftOut} messages or notes of progress were left out of the log.`;
    const payload = { callId, level: 'warning', logger: 'drawbridge', data };
    this.#note(runId, { type: 'call.message', payload });
  }

  #note(runId: string, event: CallEvent): void {
    void this.start().catch((error: unknown) => this.#keep(error));
    this.#log.append(runId, event, this.#owner).catch((error: unknown) => this.#keep(error));
  }

  #keep(error: unknown): void {
    this.#failure ??= error;
  }

  /** What was not sent is told in full: its start may not be in the log. */
  #unsent({
    sent,
  }: {
    readonly sent?: false;
  }): (CallDescription & { readonly sent: false }) | undefined {
    return sent === false ? { sent, ...describe(this.#call) } : undefined;
  }

  #ending(outcome: Outcome, durationMs: number): CallEvent {
    const callId = this.#call.id;
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
            ...this.#unsent(outcome),
          },
          durationMs,
        };
      case 'input_required':
        return { type: 'call.input_required', payload: { callId, requests: outcome.result } };
      case 'cancelled':
        return {
          type: 'call.cancelled',
          payload: { callId, ...toReason(this.#call.signal), ...this.#unsent(outcome) },
          durationMs,
        };
      case 'denied':
        return {
          type: 'call.denied',
          payload: {
            reason: outcome.error.message,
            ...(outcome.refusal?.kind === 'counting' && { others: outcome.refusal.others }),
            ...describe(this.#call, true),
          },
          durationMs,
        };
      default:
        return outcome satisfies never;
    }
  }
}

export function createRecordStep({
  log,
  now = () => performance.now(),
  redact = (text) => text,
  onEnd,
}: RecordOptions): Step<RefusableCall, Recordable<RefusableCall>> {
  const deps = { log, now, redact, budget: createNoteBudget({ now }) };
  return async (call, next) => {
    const begin = now();
    const record = new CallRecord(call, deps);
    let answered: Outcome;
    try {
      answered = await next({ record, ...call, sink: record.sink(call.sink) });
    } catch (error) {
      await record.abandon(now() - begin);
      throw error;
    }
    const outcome = record.toUnsent(withText(redactError(answered, redact)));
    const durationMs = now() - begin;
    const committed = await record.end(outcome, durationMs).then(
      () => outcome,
      (error: unknown) => toUncommitted(call, outcome, error),
    );
    onEnd?.(call, committed, durationMs / 1_000);
    return committed;
  };
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

/** A result is the caller's own; an error may tell how the server is set up. */
function redactError(outcome: Outcome, redact: Redact): Outcome {
  return 'error' in outcome ? { ...outcome, error: redactValue(redact, outcome.error) } : outcome;
}

function withText(outcome: Outcome): Outcome {
  if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') return outcome;
  if (outcome.text !== undefined || outcome.large !== undefined) return outcome;
  return { text: toJsonText(outcome.result), ...outcome };
}

/** JSON-RPC error of a call whose end could not be written: the caller must not take it as done or not done. */
function toUncommitted(call: RefusableCall, outcome: Outcome, cause: unknown): Outcome {
  if (isOfLog(outcome)) return outcome;
  const reason =
    cause instanceof DrawbridgeError ? toPublicMessage(cause) : 'the log did not take it';
  const failure = toFailure({
    code: INTERNAL_ERROR,
    message: `The outcome of ${call.name} is unknown: it ended, but could not be recorded (${reason}). Look before you repeat it.`,
    data: { code: 'log/outcome_unknown', callId: call.id, runId: call.runId },
  });
  return 'sent' in outcome ? { ...failure, sent: false } : failure;
}

/** Whether the log failed the call, and not its server. */
export function isOfLog(outcome: Outcome): boolean {
  return outcome.kind === 'protocol_error' && (outcome.code?.startsWith('log/') ?? false);
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

/** A call that leads nowhere, or is refused, is not worth storing all it brought. */
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
