// How a call over a connection ended, from what the SDK returned or threw. A lost call is not an
// outcome yet: the upstream decides whether it may be repeated on a new connection.
import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import {
  type AnsweredOutcome,
  type BridgeRpcError,
  type Outcome,
  type RpcError,
  toFailure,
} from '../calls/call.ts';
import type { LargeResult } from '../calls/large-json/large-json.ts';
import { DrawbridgeError, type DrawbridgeErrorCode, toMessage } from '../errors.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';
import type { ServerEra } from './era-memory.ts';
import { isRecord } from '../json-record.ts';

export type CallEnd =
  | { readonly kind: 'done'; readonly outcome: Outcome }
  | { readonly kind: 'timed_out' }
  /** The connection is of no more use. `sent: false`: the server can't have seen the call. */
  | { readonly kind: 'lost'; readonly sent: boolean; readonly why: string };

export const SESSION_EXPIRED = 'its session had expired';

/** What goes wrong between the bridge and a server that it has. */
export type UpstreamErrorCode = Exclude<
  Extract<DrawbridgeErrorCode, `upstream/${string}`>,
  'upstream/unknown'
>;

export interface UpstreamErrorDetails {
  readonly upstream: string;
  /** Epoch milliseconds of the next start, when there is a wait. */
  readonly retryAt?: number | undefined;
  /** The last lines of stderr. */
  readonly stderr?: string | undefined;
}

/** An error of ours in the form that callers get: the code and the upstream's name in `data`. */
export function toRpcError(
  code: UpstreamErrorCode,
  message: string,
  { upstream, retryAt, stderr }: UpstreamErrorDetails,
): BridgeRpcError {
  return {
    code: INTERNAL_ERROR,
    message,
    data: {
      code,
      upstream,
      ...(retryAt !== undefined && { retryAt: new Date(retryAt).toISOString() }),
      ...(stderr !== undefined && stderr !== '' && { stderr }),
    },
  };
}

export function toProtocolError(
  code: UpstreamErrorCode,
  message: string,
  details: UpstreamErrorDetails,
): Outcome {
  return toFailure(toRpcError(code, message, details));
}

export function fromResult(result: unknown, upstream: string): CallEnd {
  if (!isRecord(result)) return broken(upstream, 'its result is not an object');
  if (result['resultType'] === 'input_required') {
    return { kind: 'done', outcome: { kind: 'input_required', result } };
  }
  const kind = result['isError'] === true ? 'tool_error' : 'result';
  return { kind: 'done', outcome: { kind, result } };
}

/**
 * A result as the server sent it. What says which kind of result it is belongs to the protocol and is
 * taken off; a modern result must say it (2026-07-28, "Result types").
 */
export function fromRawResult(
  { result, text }: { readonly result: Record<string, unknown>; readonly text: string | undefined },
  { upstream, era }: { readonly upstream: string; readonly era: ServerEra },
): CallEnd {
  const kind = result['isError'] === true ? 'tool_error' : 'result';
  if (era === 'legacy' && result['resultType'] === undefined) {
    return done(text === undefined ? { kind, result } : { kind, result, text });
  }
  const { resultType, ...rest } = result;
  return era === 'legacy' || resultType === 'complete'
    ? done({ kind, result: rest })
    : fromUnfinished(resultType, rest, upstream);
}

/** The same of a result that is kept as bytes. */
export function fromLargeResult(
  large: LargeResult,
  {
    upstream,
    era,
    method,
  }: { readonly upstream: string; readonly era: ServerEra; readonly method: string },
): CallEnd {
  if (era === 'modern' && large.resultType !== 'complete') {
    return fromUnfinished(large.resultType, {}, upstream);
  }
  if (method === 'tools/call' && large.asTool === undefined) {
    return done(
      toProtocolError(
        'upstream/too_large',
        `upstream "${upstream}" answered with ${large.bytes.length} bytes that are no tool's result`,
        { upstream },
      ),
    );
  }
  return done(new LargeOutcome(large));
}

class LargeOutcome implements AnsweredOutcome {
  readonly kind: AnsweredOutcome['kind'];
  readonly large: LargeResult;

  constructor(large: LargeResult) {
    this.kind = large.isError ? 'tool_error' : 'result';
    this.large = large;
  }

  get result(): Record<string, unknown> {
    const { bytes, meta } = this.large;
    // The worker wrote an object.
    const result = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    return meta === undefined ? result : { ...result, _meta: meta };
  }
}

function fromUnfinished(
  resultType: unknown,
  { inputRequests, requestState, _meta }: Record<string, unknown>,
  upstream: string,
): CallEnd {
  if (resultType !== 'input_required') {
    const told =
      resultType === undefined ? 'no resultType' : `the resultType ${JSON.stringify(resultType)}`;
    return broken(upstream, `its result has ${told}`);
  }
  const asks = isRecord(inputRequests) && Object.keys(inputRequests).length > 0;
  if (!asks && typeof requestState !== 'string') {
    return broken(upstream, 'it asks for input without a question or a requestState');
  }
  return done({
    kind: 'input_required',
    result: {
      resultType,
      inputRequests: asks ? inputRequests : {},
      ...(typeof requestState === 'string' && { requestState }),
      ...(isRecord(_meta) && { _meta }),
    },
  });
}

export interface CallErrorContext {
  readonly upstream: string;
  readonly signal: AbortSignal | undefined;
  /** Why the connection ended, if it did. */
  readonly endedBecause: string | undefined;
  /** The connection had a legacy HTTP session. */
  readonly hasSession: boolean;
}

export function fromError(error: unknown, context: CallErrorContext): CallEnd {
  const { upstream } = context;
  if (context.signal?.aborted === true) return { kind: 'done', outcome: { kind: 'cancelled' } };
  if (error instanceof ProtocolError) return fromServerError(error, context);
  if (error instanceof DrawbridgeError) {
    if (error.code !== 'upstream/busy') return { kind: 'lost', sent: false, why: error.message };
    return done(toProtocolError('upstream/busy', error.message, { upstream }));
  }
  if (error instanceof SdkHttpError) return fromHttpStatus(error, context);
  if (error instanceof SdkError) return fromSdkError(error, context);
  const status = /\(HTTP (\d{3})\)/.exec(toMessage(error))?.[1];
  if (status !== undefined) return fromStatus(Number(status), { ...context, hasSession: true });
  if (error instanceof Error && error.message === 'Not connected') {
    return { kind: 'lost', sent: false, why: context.endedBecause ?? 'the connection was closed' };
  }
  const network = toNetworkCode(error);
  if (network !== undefined) {
    return {
      kind: 'lost',
      sent: !NEVER_CONNECTED.has(network),
      why: `the network failed (${network})`,
    };
  }
  return broken(upstream, toMessage(error));
}

const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** The system's code of a failed fetch; `UNKNOWN` when it gave none, undefined when it was not one. */
export function toNetworkCode(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && /^E|^UND_/.test(current.code)) {
      return current.code;
    }
  }
  return error instanceof TypeError ? 'UNKNOWN' : undefined;
}

function fromServerError(error: ProtocolError, { upstream }: CallErrorContext): CallEnd {
  const { code, message, data } = error;
  const isOurs = typeof data === 'object' && data !== null && 'code' in data && 'upstream' in data;
  if (isOurs && data.code === 'upstream/crashed' && data.upstream === upstream) {
    return { kind: 'lost', sent: true, why: 'it ended its response stream without an answer' };
  }
  return done({
    kind: 'protocol_error',
    error: { code, message, ...(data !== undefined && { data }) },
  });
}

function fromSdkError(error: SdkError, context: CallErrorContext): CallEnd {
  switch (error.code) {
    case SdkErrorCode.RequestTimeout:
      return { kind: 'timed_out' };
    case SdkErrorCode.ConnectionClosed:
      return { kind: 'lost', sent: true, why: context.endedBecause ?? 'the connection was closed' };
    case SdkErrorCode.NotConnected:
      return {
        kind: 'lost',
        sent: false,
        why: context.endedBecause ?? 'the connection was closed',
      };
    default:
      return broken(context.upstream, error.message);
  }
}

function fromHttpStatus(error: SdkHttpError, context: CallErrorContext): CallEnd {
  const { status } = error.data;
  const isExpired = status === 404 && context.hasSession;
  const answer = isExpired ? undefined : toRpcBody(error.data['text']);
  if (answer !== undefined) return done({ kind: 'protocol_error', error: answer });
  return fromStatus(status, context);
}

function fromStatus(status: number, { upstream, hasSession }: CallErrorContext): CallEnd {
  if (status === 404 && hasSession) return { kind: 'lost', sent: true, why: SESSION_EXPIRED };
  if (status >= 500) return { kind: 'lost', sent: true, why: `it answered HTTP ${status}` };
  const why =
    status === 401 || status === 403
      ? `upstream "${upstream}" refused the bridge's credentials (HTTP ${status}); check its headers in the settings`
      : `upstream "${upstream}" refused the request (HTTP ${status})`;
  return done(
    toProtocolError(status === 429 ? 'upstream/busy' : 'upstream/unavailable', why, { upstream }),
  );
}

/** A modern server answers some errors with an HTTP status of 4xx and a JSON-RPC error as the body. */
function toRpcBody(text: unknown): RpcError | undefined {
  if (typeof text !== 'string') return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined;
  const { error } = body;
  if (typeof error !== 'object' || error === null) return undefined;
  if (!('code' in error) || typeof error.code !== 'number') return undefined;
  const message = 'message' in error && typeof error.message === 'string' ? error.message : '';
  return { code: error.code, message, ...('data' in error && { data: error.data }) };
}

function broken(upstream: string, why: string): CallEnd {
  return done(
    toProtocolError('upstream/protocol', `upstream "${upstream}" broke the protocol: ${why}`, {
      upstream,
    }),
  );
}

function done(outcome: Outcome): CallEnd {
  return { kind: 'done', outcome };
}
