// The neutral call: what every front turns its wire into, and the outcome every front turns back.
// Nothing behind the fronts knows which era or transport the caller speaks.
import type { Effect, Era, callMethods } from '@drawbridge/schemas';
import type { Refusal } from './refusals.ts';
import type { LargeResult } from './large-json/large-json.ts';

export type CallMethod = (typeof callMethods)[number];

/** Who asks. `id` is the user; `keyId` the credential, so that the log can tell two keys apart. */
export interface Principal {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly role: 'operator' | 'member';
  readonly keyId: string;
}

/** Which part of the catalog a caller looks at: everything, a toolset, or one server under its own names. */
export type View =
  | { readonly kind: 'all' }
  | { readonly kind: 'toolset'; readonly name: string }
  | { readonly kind: 'server'; readonly name: string };

export interface CallClient {
  readonly era: Era;
  /** `name/version` as the client gave it. */
  readonly name?: string;
  readonly protocolVersion?: string;
  /** The client's own capabilities, as it declared them. */
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/** Where what a server sends during the call goes. Never throws; a caller that is gone is no error. */
export interface CallSink {
  progress(params: { progress: number; total?: number; message?: string }): void;
  message(params: { level: string; logger?: string; data: unknown }): void;
}

export interface Call {
  readonly id: string;
  readonly method: CallMethod;
  /** A tool's name in the view, a prompt's name, a resource's URI, or the `ref` of a completion as text. */
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
  /** How long it waited for its turn already, which counts towards its timeout. */
  readonly waitedMs?: number;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** The server's answer; a tool's own failure (`isError`) is one. */
export interface AnsweredOutcome {
  readonly kind: 'result' | 'tool_error';
  readonly result: Record<string, unknown>;
  /**
   * The result as JSON text: as the server wrote it, where that is known; from the recorder on there is
   * always one, for the log and for fronts.
   */
  readonly text?: string;
  /** A result that is kept as bytes; reading `result` parses them. */
  readonly large?: LargeResult;
}

/** How a call ended. The log, the metrics and HTTP tell all seven apart. */
export type Outcome =
  | AnsweredOutcome
  | { readonly kind: 'protocol_error'; readonly error: RpcError }
  | { readonly kind: 'input_required'; readonly result: Record<string, unknown> }
  /** `sent: false`: the server can't have seen the call. */
  | { readonly kind: 'cancelled'; readonly sent?: false }
  | { readonly kind: 'timed_out'; readonly error: RpcError }
  | {
      readonly kind: 'denied';
      readonly error: RpcError;
      /** How a refusal in a flood of them stands in the log; absent: by itself. */
      readonly refusal?: Refusal;
    };
