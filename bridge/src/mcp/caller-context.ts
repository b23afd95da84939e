// What a front knows of a request before it becomes a call: its principal, view, client and project. The MCP
// routes and the REST routes make one for each request, and `toCall` makes calls from it.
import type { LargeAnswers } from './large-answers.ts';
import type { Session } from '../sessions/sessions.ts';
import type { LogLevel } from '../sessions/log-level.ts';
import type { Call, CallMethod, CallSink, Outcome, View } from '../calls/call.ts';
import type { CallClient, Principal } from '../principals/caller.ts';

export interface CallerContext {
  readonly principal: Principal;
  readonly view: View;
  readonly client: CallClient;
  readonly project: string;
  readonly roots: readonly string[];
  readonly requestId: string;
  /** Aborts when the caller's key is no longer good. */
  readonly keyEnded: AbortSignal;
  readonly sessionId?: string;
  /** The least severity of the log messages that the caller wants; when absent it gets none. */
  readonly logLevel?: LogLevel;
  /** Stores the level in the caller's session. */
  readonly setLogLevel?: (level: LogLevel) => Promise<void>;
  /** The outcome of the request's call, when the fast path has made it; it is not made again. */
  readonly outcome?: Outcome;
  /** The session that the request names, when it has been looked up already. */
  readonly session?: Session;
  /** Takes results that are too large for the SDK. */
  readonly large?: LargeAnswers;
  /** The run that this caller's calls belong to; opened with the first call. */
  runId(): Promise<string>;
}

export interface CallRequest {
  readonly method: CallMethod;
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly sink: CallSink;
}

/** A sink for callers that have nowhere to show progress. */
export const silentSink: CallSink = { progress() {}, message() {} };

export async function toCall(
  context: Omit<CallerContext, 'keyEnded'>,
  request: CallRequest,
  id: string,
): Promise<Call> {
  return {
    id,
    method: request.method,
    name: request.name,
    params: request.params,
    signal: request.signal,
    sink: request.sink,
    view: context.view,
    principal: context.principal,
    client: context.client,
    project: context.project,
    roots: context.roots,
    requestId: context.requestId,
    runId: await context.runId(),
    sessionId: context.sessionId,
  };
}
