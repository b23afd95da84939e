// Second step, the outer half of recording: the end of every call is committed before its outcome is let
// out. When that fails, the caller is told that the outcome is unknown; the end is owed, and is written
// when the log can be written again (runs/owed-ends.ts).
import { DrawbridgeError, toPublicMessage } from '../errors.ts';
import { toJsonText } from '../json-text.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import type { RunLog } from '../runs/run-log.ts';
import { redactValue } from '../secrets/redact-value.ts';
import type { Redact } from '../secrets/redaction.ts';
import { CallRecord, type Recordable } from './call-record.ts';
import { type Outcome, toFailure } from './call.ts';
import { createNoteBudget } from './note-budget.ts';
import type { RefusableCall } from './route.ts';
import type { Step } from './step.ts';

export interface RecordOptions {
  readonly log: Pick<RunLog, 'calls'>;
  readonly now?: () => number;
  /** Redacts what an upstream says besides its results, for callers as for the log. */
  readonly redact?: Redact;
  /** Called once per call, after the commit. */
  readonly onEnd?: (call: RefusableCall, outcome: Outcome, seconds: number) => void;
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

/** A result is the caller's own; an error may tell how the server is set up. */
function redactError(outcome: Outcome, redact: Redact): Outcome {
  return 'error' in outcome ? { ...outcome, error: redactValue(redact, outcome.error) } : outcome;
}

function withText(outcome: Outcome): Outcome {
  if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') return outcome;
  if (outcome.text !== undefined || outcome.large !== undefined) return outcome;
  return { text: toJsonText(outcome.result), ...outcome };
}

/** The outcome of a call whose end could not be written: it may be done, or not. */
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
