// Relays a bridge's answer to the client, and words the errors for requests without an answer.
import { toMessage } from '../errors.ts';
import { type HttpAnswer, isBrokenOff, readText } from '../http-client/exchange.ts';
import { type MessageId, type RpcIssue, toErrorLine } from '../http-client/message.ts';
import { readEvents } from '../http-client/sse-reader.ts';
import { isRecord } from '../json-record.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';

/** How an answer ended. The client has not been sent the error of a refusal yet. */
export type RelayEnd =
  | { readonly kind: 'answered' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'refused'; readonly error: RpcIssue };

const ANSWERED: RelayEnd = { kind: 'answered' };

/** Sends the messages of an answer to the client, except the refusal of a bridge that stops. */
export async function relay(
  answer: HttpAnswer,
  request: {
    readonly id: MessageId;
    readonly emit: (text: string) => Promise<void>;
    readonly onResult: (result: unknown) => void;
  },
): Promise<RelayEnd> {
  const { id, emit, onResult } = request;
  const type = answer.headers['content-type'] ?? '';
  let end: RelayEnd = { kind: 'unanswered' };
  const pass = async (text: string) => {
    const message: unknown = JSON.parse(text);
    if (isRecord(message) && message['method'] === undefined && message['id'] === id) {
      const error = toIssue(message['error']);
      if (error !== undefined && isStopping(error)) {
        end = { kind: 'refused', error };
        return;
      }
      end = ANSWERED;
      if ('result' in message) onResult(message['result']);
    }
    await emit(text);
  };
  if (answer.status < 400 && type.includes('text/event-stream')) {
    for await (const { data } of readEvents(answer.body)) if (data !== '') await pass(data);
    return end;
  }
  const text = await readText(answer);
  if (answer.status < 400 && type.includes('application/json')) await pass(text);
  if (answer.status < 400) return end;
  const error = toHttpIssue(answer.status, text);
  if (isStopping(error)) return { kind: 'refused', error };
  await emit(toErrorLine(id, error));
  return ANSWERED;
}

/** Whether the error is of a bridge that stops and has not carried out the request. */
function isStopping({ data }: RpcIssue): boolean {
  return isRecord(data) && data['code'] === 'bridge/stopping';
}

/** The connection to a bridge that had said that it stops was lost before the answer. */
export class NotCarriedOut extends Error {
  constructor(cause: unknown) {
    super(STOPPED.message, { cause });
  }
}

export const STOPPED: RpcIssue = {
  code: INTERNAL_ERROR,
  message: 'The bridge stopped; the request was not carried out. Send it again in a moment.',
  data: { code: 'bridge/stopping' },
};

export const ENDED: RpcIssue = {
  code: INTERNAL_ERROR,
  message: 'The bridge ended the stream without an answer; the outcome is unknown.',
  data: { code: 'bridge/outcome_unknown' },
};

export function toBrokenOff(error: unknown): RpcIssue {
  if (!isBrokenOff(error)) {
    return {
      code: INTERNAL_ERROR,
      message: `The bridge could not be reached: ${toMessage(error)}`,
    };
  }
  const message = `The bridge was lost during the request (${toMessage(error)}); the outcome is unknown.`;
  return { code: INTERNAL_ERROR, message, data: { code: 'bridge/outcome_unknown' } };
}

/** The JSON-RPC error in an HTTP error's body, or one made of its problem document. */
export function toHttpIssue(status: number, text: string): RpcIssue {
  const body = parseJson(text);
  const error = toIssue(isRecord(body) ? body['error'] : undefined);
  if (error !== undefined) return error;
  const problem = isRecord(body) ? body : {};
  return {
    code: INTERNAL_ERROR,
    message: typeof problem['detail'] === 'string' ? problem['detail'] : `HTTP ${status}`,
    data: { status, ...(typeof problem['code'] === 'string' && { code: problem['code'] }) },
  };
}

function toIssue(error: unknown): RpcIssue | undefined {
  if (!isRecord(error) || typeof error['code'] !== 'number') return undefined;
  const { code, message, data } = error;
  return { code, message: String(message), ...(data !== undefined && { data }) };
}

/** Undefined for a string that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
