// The neutral call: what every front turns its wire into, and the outcome every front turns back.
// Nothing behind the fronts knows which era or transport the caller speaks.
import type { Effect, callMethods } from '@drawbridge/schemas';
import type { CallClient, Principal } from '../principals/caller.ts';
import type { DrawbridgeErrorCode } from '../errors.ts';
import type { Refusal } from './refusals.ts';
import type { LargeResult } from './large-json/large-json.ts';

export type CallMethod = (typeof callMethods)[number];

/** Which part of the catalog a caller looks at: everything, a toolset, or one server under its own names. */
export type View =
  | { readonly kind: 'all' }
  | { readonly kind: 'toolset'; readonly name: string }
  | { readonly kind: 'server'; readonly name: string };

/** Receives what a server sends during the call. Never throws: a caller that has left is not an error. */
export interface CallSink {
  progress(params: { progress: number; total?: number; message?: string }): void;
  message(params: { level: string; logger?: string; data: unknown }): void;
}

export interface Call {
  readonly id: string;
  readonly method: CallMethod;
  /** A tool's name in the view, a prompt's name, a resource's URI, or the name or URI in a completion's `ref`. */
  readonly name: string;
  /** The request's params as the caller sent them, without `_meta` keys of ours. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly view: View;
  readonly principal: Principal;
  readonly client: CallClient;
  readonly runId: string;
  readonly sessionId?: string | undefined;
  readonly project: string;
  /** Absolute root folders of the project for this call. */
  readonly roots: readonly string[];
  readonly requestId?: string;
  readonly signal: AbortSignal;
  readonly sink: CallSink;
}

/** What the catalog found behind a call's name. */
export interface Target {
  readonly upstream: string;
  /** The name or URI as the server knows it. */
  readonly name: string;
  readonly definitionHash?: string;
  /** `unknown` counts as a write: logged before it is sent, never repeated. */
  readonly effect: Effect | 'unknown';
}

export interface RoutedCall extends Call {
  readonly target: Target;
  /** Milliseconds it has waited for its turn, which count towards its timeout. */
  readonly waitedMs?: number;
}

/** A call that is ready to be sent. The sender marks it as sent in its record first. */
export interface SendableCall extends RoutedCall {
  readonly record?: { markSent(): void };
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** An error of the bridge itself. Callers read its code from `data`. */
export interface BridgeRpcError extends RpcError {
  readonly data: Readonly<Record<string, unknown>> & { readonly code: DrawbridgeErrorCode };
}

/** The outcome of a call that the bridge itself refused or gave up. */
export function toFailure(error: BridgeRpcError): FailedOutcome {
  return { kind: 'protocol_error', code: error.data.code, error };
}

/** The server's answer; a tool's own failure (`isError`) is one. */
export interface AnsweredOutcome {
  readonly kind: 'result' | 'tool_error';
  readonly result: Record<string, unknown>;
  /**
   * The result as a JSON string: as the server wrote it, where that is known. After the record step it is
   * always there, unless the result is `large`.
   */
  readonly text?: string;
  /** A result that is kept as bytes; reading `result` parses them. */
  readonly large?: LargeResult;
}

/** Set by the record step when the call was never sent to a server: nothing was done. */
interface Unsent {
  readonly sent?: false;
}

export interface FailedOutcome extends Unsent {
  readonly kind: 'protocol_error';
  /** Of an error of the bridge itself; absent where the error is the server's, whatever its `data` says. */
  readonly code?: DrawbridgeErrorCode;
  readonly error: RpcError;
}

/** How a call ended. The log, the metrics and HTTP tell all seven apart. */
export type Outcome =
  | AnsweredOutcome
  | FailedOutcome
  | { readonly kind: 'input_required'; readonly result: Record<string, unknown> }
  | ({ readonly kind: 'cancelled' } & Unsent)
  | ({
      readonly kind: 'timed_out';
      readonly code: DrawbridgeErrorCode;
      readonly error: RpcError;
    } & Unsent)
  | {
      readonly kind: 'denied';
      readonly code: DrawbridgeErrorCode;
      readonly error: RpcError;
      /** How the log holds a refusal that is one of many; absent when it is recorded alone. */
      readonly refusal?: Refusal;
    };
