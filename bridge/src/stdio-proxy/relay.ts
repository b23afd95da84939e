// What a bridge answered, on its way to the client's lines, and what the client is told where no answer came.
import { toMessage } from '../errors.ts';
import { type HttpAnswer, isBrokenOff, readText } from '../http-client/exchange.ts';
import { type MessageId, type RpcIssue, toErrorLine } from '../http-client/message.ts';
import { readEvents } from '../http-client/sse-reader.ts';
import { isRecord } from '../json-record.ts';
import { INTERNAL_ERROR } from '../rpc-codes.ts';

/** How an answer ended. Nobody was told of a refusal yet. */
export type RelayEnd =
  | { readonly kind: 'answered' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'refused'; readonly error: RpcIssue };

const ANSWERED: RelayEnd = { kind: 'answered' };

/** Hands on what the bridge answered, but the refusal of one that stops. */
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

/** Whether a bridge that stops refused a request without carrying it out. */
function isStopping({ data }: RpcIssue): boolean {
  return isRecord(data) && data['code'] === 'bridge/stopping';
}

/** A bridge that had said that it stops was lost before it answered. */
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

/** The JSON-RPC error that a refusal carries, or one that says what the refusal said. */
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

/** Nothing for text that is not JSON: both callers have an answer for that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
