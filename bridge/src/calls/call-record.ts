// One call's record in the log. Progress is logged at most every 100 ms, messages up to 1,000 a call, and
// both within the server's share of the log, so that one server cannot flood it. The caller still gets all
// of them, and the log says how many it left out.
import { FAILED } from '../errors.ts';
import type { LogOwner } from '../runs/log-owners.ts';
import type { CallLog, RunLog } from '../runs/run-log.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import { redactText, redactValue } from '../secrets/redact-value.ts';
import type { Redact } from '../secrets/redaction.ts';
import { type CallEvent, toEndEvent, toStartEvent } from './call-events.ts';
import type { Call, CallSink, Outcome } from './call.ts';
import type { NoteBudget } from './note-budget.ts';
import type { RefusableCall } from './route.ts';

/** A call that carries its own record. */
export type Recordable<C extends Call> = C & { readonly record: CallRecord };

export interface CallRecordDeps {
  readonly log: Pick<RunLog, 'calls'>;
  readonly now: () => number;
  readonly budget: NoteBudget;
  readonly redact: Redact;
}

const PROGRESS_INTERVAL_MS = 100;
const MESSAGES_PER_CALL = 1_000;

export class CallRecord {
  readonly #call: RefusableCall;
  readonly #log: CallLog;
  readonly #now: () => number;
  readonly #redact: Redact;
  readonly #budget: NoteBudget;
  #started: Promise<number> | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #messages = 0;
  #leftOut = 0;
  #failure: unknown;
  #isSent = false;

  get #owner(): LogOwner {
    return this.#call.principal;
  }

  constructor(call: RefusableCall, { log, now, budget, redact }: CallRecordDeps) {
    this.#call = call;
    this.#log = log.calls();
    this.#now = now;
    this.#redact = redact;
    this.#budget = budget;
  }

  /** The server may have received the call from here on. */
  markSent(): void {
    this.#isSent = true;
  }

  /** The outcome, marked where the call was never sent. */
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
    this.#started ??= this.#log.append(this.#call.runId, toStartEvent(this.#call), this.#owner);
    return this.#started;
  }

  /** Appends the end of the call; resolves when all events of the call are committed. */
  async end(outcome: Outcome, durationMs: number): Promise<void> {
    if (outcome.kind === 'denied' && outcome.refusal?.kind === 'counted') return;
    if (this.#leftOut > 0) this.#tellLeftOut();
    const started = outcome.kind === 'denied' ? this.#started : this.start();
    await Promise.all([
      started,
      this.#log.append(this.#call.runId, toEndEvent(this.#call, outcome, durationMs), this.#owner),
    ]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Ends a call that failed inside the bridge; its front reports the error. A call that did not start gets
   * no end.
   */
  async abandon(durationMs: number): Promise<void> {
    if (this.#started === undefined) return;
    const error = { code: INTERNAL_ERROR, message: FAILED };
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
}
