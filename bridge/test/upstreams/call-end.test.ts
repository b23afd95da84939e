// What becomes of an answer or a failure, where no fixture server plays every part.
import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import {
  fromError,
  fromRawResult,
  fromResult,
  type CallErrorContext,
} from '../../src/upstreams/call-end.ts';

const context: CallErrorContext = {
  upstream: 'far',
  signal: undefined,
  endedBecause: undefined,
  hasSession: false,
};

function http(status: number, text = ''): SdkHttpError {
  const data = { status, statusText: '', text };
  return new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, 'Error POSTing', data);
}

function network(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

function errorOf(error: unknown, given: Partial<CallErrorContext> = {}) {
  const end = fromError(error, { ...context, ...given });
  if (end.kind !== 'done' || end.outcome.kind !== 'protocol_error') throw new Error(end.kind);
  return end.outcome.error;
}

describe('a failed request', () => {
  it.each([401, 403])('with HTTP %i blames the credentials in the settings', (status) => {
    const { message, data } = errorOf(http(status));
    expect(message).toBe(
      `upstream "far" refused the bridge's credentials (HTTP ${status}); check its headers in the settings`,
    );
    expect(data).toEqual({ code: 'upstream/unavailable', upstream: 'far' });
  });

  it('with HTTP 429 says that the upstream is busy', () => {
    expect(errorOf(http(429)).data).toEqual({ code: 'upstream/busy', upstream: 'far' });
  });

  it.each([500, 502, 503])('with HTTP %i may have been carried out', (status) => {
    const why = `it answered HTTP ${status}`;
    expect(fromError(http(status), context)).toEqual({ kind: 'lost', sent: true, why });
  });

  it('with HTTP 404 is an expired session only where there was one', () => {
    const expired = fromError(http(404), { ...context, hasSession: true });
    expect(expired).toEqual({ kind: 'lost', sent: true, why: 'its session had expired' });
    expect(errorOf(http(404)).message).toBe('upstream "far" refused the request (HTTP 404)');
  });

  it('keeps the JSON-RPC error that a modern server sends with an HTTP status', () => {
    const error = { code: -32601, message: 'Method not found', data: { method: 'x' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, error });
    expect(errorOf(http(404, body))).toEqual(error);
  });

  it.each([
    ['ECONNREFUSED', false],
    ['ENOTFOUND', false],
    ['ECONNRESET', true],
    ['UND_ERR_SOCKET', true],
  ])('with the network error %s has been sent: %s', (code, sent) => {
    const why = `the network failed (${code})`;
    expect(fromError(network(code), context)).toEqual({ kind: 'lost', sent, why });
  });

  it('whose caller is gone is cancelled, whatever else went wrong', () => {
    const signal = AbortSignal.abort();
    const end = fromError(network('ECONNRESET'), { ...context, signal });
    expect(end).toEqual({ kind: 'done', outcome: { kind: 'cancelled' } });
  });

  it('that the server answered with an error keeps that error', () => {
    const error = new ProtocolError(-32042, 'no', { hint: 'yes' });
    expect(errorOf(error)).toEqual({ code: -32042, message: 'no', data: { hint: 'yes' } });
  });

  it('whose result the SDK refused blames the protocol', () => {
    const error = new SdkError(SdkErrorCode.InvalidResult, 'missing resultType');
    expect(errorOf(error)).toEqual({
      code: -32603,
      message: 'upstream "far" broke the protocol: missing resultType',
      data: { code: 'upstream/protocol', upstream: 'far' },
    });
  });

  it('on a connection that ended says why', () => {
    const error = new SdkError(SdkErrorCode.ConnectionClosed, 'Connection closed');
    const end = fromError(error, { ...context, endedBecause: 'exit code 7' });
    expect(end).toEqual({ kind: 'lost', sent: true, why: 'exit code 7' });
  });
});

it.each([['text'], [null], [[1]]])(
  'a result that is no object (%j) breaks the protocol',
  (result) => {
    expect(fromResult(result, 'far')).toMatchObject({ outcome: { kind: 'protocol_error' } });
  },
);

describe('a result as the server sent it', () => {
  const read = (result: Record<string, unknown>, era: 'modern' | 'legacy') => {
    const end = fromRawResult({ result, text: undefined }, { upstream: 'far', era });
    if (end.kind !== 'done') throw new Error(end.kind);
    return end.outcome;
  };

  it('of a legacy server is a result, whatever it says of its type', () => {
    expect(read({ content: [] }, 'legacy')).toEqual({ kind: 'result', result: { content: [] } });
    expect(read({ content: [], resultType: 'task' }, 'legacy')).toEqual({
      kind: 'result',
      result: { content: [] },
    });
    expect(read({ content: [], isError: true }, 'legacy').kind).toBe('tool_error');
  });

  it('of a modern server is complete, or asks', () => {
    expect(read({ content: [], resultType: 'complete' }, 'modern')).toEqual({
      kind: 'result',
      result: { content: [] },
    });
    const asked = { a: { method: 'elicitation/create', params: {} } };
    expect(
      read({ resultType: 'input_required', inputRequests: asked, requestState: 's' }, 'modern'),
    ).toEqual({
      kind: 'input_required',
      result: { resultType: 'input_required', inputRequests: asked, requestState: 's' },
    });
    expect(read({ resultType: 'input_required', requestState: 's' }, 'modern')).toMatchObject({
      kind: 'input_required',
      result: { inputRequests: {}, requestState: 's' },
    });
  });

  it.each([
    [{ content: [] }, 'its result has no resultType'],
    [{ resultType: 7 }, 'its result has the resultType 7'],
    [{ resultType: 'task' }, 'its result has the resultType "task"'],
    [{ resultType: 'input_required' }, 'it asks for input without a question or a requestState'],
  ])('of a modern server that is %j breaks the protocol', (result, why) => {
    expect(read(result, 'modern')).toMatchObject({
      kind: 'protocol_error',
      error: {
        message: `upstream "far" broke the protocol: ${why}`,
        data: { code: 'upstream/protocol', upstream: 'far' },
      },
    });
  });
});
