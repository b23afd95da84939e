// What a parsed line of a server's stdout is. The SDK validates what it gets only in part and may throw
// on the rest, in the middle of our read loop; so nothing malformed is handed to it.
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { isRecord } from '../../json-record.ts';

export type InboundMessage =
  | { readonly kind: 'message'; readonly message: JSONRPCMessage }
  /** An answer whose content is not what JSON-RPC allows: its call must not wait for another. */
  | { readonly kind: 'broken_answer'; readonly id: number | string }
  | { readonly kind: 'malformed' };

/** A line of JSON. */
export interface ParsedLine {
  readonly value: unknown;
  /** The result as the server wrote it, where the line is an answer with its fields in a usual order. */
  readonly text?: string;
}

/** What most servers write: the result is all that follows, but for a brace. */
const ANSWER = /^\{"jsonrpc":"2\.0","id":(\d{1,10}),"result":(?=\{)/;
/** What the TypeScript SDK writes: the result is all that stands between. */
const RESULT = '{"result":{';
const RESULT_END = /\}(,"jsonrpc":"2\.0","id":(\d{1,10})\})$/;
const MAX_END = 40;

/** @throws SyntaxError */
export function parseLine(line: string): ParsedLine {
  return parseAnswer(line) ?? { value: JSON.parse(line) };
}

/** Parses the result alone: where that succeeds, nothing but one result stands in its place. */
function parseAnswer(line: string): ParsedLine | undefined {
  const found = findResult(line);
  if (found === undefined) return undefined;
  const { id, text } = found;
  try {
    return { value: { jsonrpc: '2.0', id, result: JSON.parse(text) }, text };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Where the result stands in a line, as text; undefined where its fields are in an unusual order. */
export function findResult(line: string): { id: number; text: string } | undefined {
  const [head, id] = ANSWER.exec(line) ?? [];
  if (head !== undefined) {
    return line.endsWith('}}') ? { id: Number(id), text: line.slice(head.length, -1) } : undefined;
  }
  if (!line.startsWith(RESULT)) return undefined;
  const [, end, idAtEnd] = RESULT_END.exec(line.slice(-MAX_END)) ?? [];
  return end === undefined
    ? undefined
    : { id: Number(idAtEnd), text: line.slice(RESULT.length - 1, -end.length) };
}

const RUBBISH: InboundMessage = { kind: 'malformed' };

export function toInboundMessage(value: unknown): InboundMessage {
  if (!isRecord(value) || value['jsonrpc'] !== '2.0') return RUBBISH;
  const { id, method, params, result, error } = value;
  const hasId = typeof id === 'string' || typeof id === 'number';
  if (method !== undefined) {
    const isSound =
      typeof method === 'string' &&
      (params === undefined || (isRecord(params) && isMetaSound(params))) &&
      (id === undefined || hasId);
    return isSound ? toMessage(value) : RUBBISH;
  }
  if (!hasId) return RUBBISH;
  if (isRecord(result) && error === undefined && isMetaSound(result)) return toMessage(value);
  const isError =
    isRecord(error) &&
    Number.isInteger(error['code']) &&
    typeof error['message'] === 'string' &&
    result === undefined;
  return isError ? toMessage(value) : { kind: 'broken_answer', id };
}

function toMessage(value: Record<string, unknown>): InboundMessage {
  // The checks above are those of the JSON-RPC 2.0 message types.
  return { kind: 'message', message: value as unknown as JSONRPCMessage };
}

function isMetaSound({ _meta: meta }: Record<string, unknown>): boolean {
  return meta === undefined || isRecord(meta);
}
