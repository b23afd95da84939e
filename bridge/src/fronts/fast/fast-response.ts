// The answer of a fast call as JSON-RPC text, byte for byte as the SDK writes it. Only plain results
// are written here; every other outcome is handed to the SDK's front, which knows all the rules. A
// result that is as the SDK would have it goes out as the text that the log has, which may be the
// server's own: then white space and digits are the server's, too.
import { SERVER_INFO_META_KEY, specTypeSchemas } from '@modelcontextprotocol/server';
import type { Outcome } from '../../calls/call.ts';

export interface FastResponseOptions {
  readonly id: string | number;
  readonly era: 'modern' | 'legacy';
}

export interface FastResponses {
  /** Undefined when the outcome is not a plain result. */
  toText(outcome: Outcome, options: FastResponseOptions): string | undefined;
}

type Result = Readonly<Record<string, unknown>>;

export function createFastResponses(serverInfo: Result): FastResponses {
  const toAdded = (meta?: Result): Result => ({
    resultType: 'complete',
    ...(meta?.[SERVER_INFO_META_KEY] === undefined && {
      _meta: { ...meta, [SERVER_INFO_META_KEY]: serverInfo },
    }),
  });
  const added = JSON.stringify(toAdded()).slice(1);

  /** @param text the result as JSON, where it is known */
  const toModernText = (result: Result, text: string | undefined): string | undefined => {
    const { _meta: meta } = result;
    // A result is never empty, so a comma is right.
    if (meta === undefined && text !== undefined) return `${text.slice(0, -1)},${added}`;
    if (meta !== undefined && !isRecord(meta)) return undefined;
    return JSON.stringify({ ...result, ...toAdded(meta) });
  };

  return {
    toText(outcome, { id, era }) {
      if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') return undefined;
      const result = toChecked(outcome.result);
      if (result === undefined) return undefined;
      const text = isSame(result, outcome.result) ? outcome.text : undefined;
      const written =
        era === 'modern' ? toModernText(result, text) : (text ?? JSON.stringify(result));
      return written && `{"result":${written},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
    },
  };
}

/** The result as the SDK reads it; undefined where it would not take it as it is. */
function toChecked(result: Result): Result | undefined {
  if (isNothingButText(result)) return result;
  const { resultType, structuredContent: structured } = result;
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  // What is no object is wrapped for older clients and told in words as well; the SDK does that.
  if (structured !== undefined && !isRecord(structured)) return undefined;
  const checked = specTypeSchemas.CallToolResult['~standard'].validate({ content: [], ...result });
  return checked.issues === undefined ? checked.value : undefined;
}

/** What most results are needs no schema to be read. */
function isNothingButText(result: Result): boolean {
  const { content } = result;
  return (
    Array.isArray(content) &&
    Object.keys(result).length === 1 &&
    content.every(isNothingButATextItem)
  );
}

function isNothingButATextItem(item: unknown): boolean {
  if (!isRecord(item)) return false;
  const [first, second, ...others] = Object.keys(item);
  return (
    first === 'type' &&
    second === 'text' &&
    others.length === 0 &&
    item['type'] === 'text' &&
    typeof item['text'] === 'string'
  );
}

/** Whether both are the same JSON, in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const others = Object.keys(b);
  const names = Object.keys(a);
  return (
    names.length === others.length &&
    names.every((name, at) => name === others[at] && isSame(a[name], b[name]))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
