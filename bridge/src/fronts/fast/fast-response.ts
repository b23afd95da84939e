// The answer of a fast call as JSON-RPC text, byte for byte as the SDK writes it. Only plain results
// are written here; every other outcome is handed to the SDK's front, which knows all the rules. A
// result that is as the SDK would have it goes out as the text that the log has, which may be the
// server's own: then white space and digits are the server's, too.
import { SERVER_INFO_META_KEY, specTypeSchemas } from '@modelcontextprotocol/server';
import type { Outcome } from '../../calls/call.ts';

export interface FastResponseOptions {
  readonly id: string | number;
  readonly era: 'modern' | 'legacy';
  readonly serverInfo: Readonly<Record<string, unknown>>;
}

/** Undefined when the outcome is not a plain result. */
export function toFastResponse(
  outcome: Outcome,
  { id, era, serverInfo }: FastResponseOptions,
): string | undefined {
  if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') return undefined;
  const { resultType, structuredContent: structured } = outcome.result;
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  // What is no object is wrapped for older clients and told in words as well; the SDK does that.
  if (structured !== undefined && !isRecord(structured)) return undefined;
  const checked = specTypeSchemas.CallToolResult['~standard'].validate({
    content: [],
    ...outcome.result,
  });
  if (checked.issues !== undefined) return undefined;
  const text = isSame(checked.value, outcome.result) ? outcome.text : undefined;
  const result =
    era === 'modern'
      ? toModernText(checked.value, text, serverInfo)
      : (text ?? JSON.stringify(checked.value));
  return result && `{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
}

/** @param text the result as JSON, where it is known */
function toModernText(
  result: Record<string, unknown>,
  text: string | undefined,
  serverInfo: FastResponseOptions['serverInfo'],
): string | undefined {
  const { _meta: meta } = result;
  if (meta !== undefined && !isRecord(meta)) return undefined;
  const added = {
    resultType: 'complete',
    ...(meta?.[SERVER_INFO_META_KEY] === undefined && {
      _meta: { ...meta, [SERVER_INFO_META_KEY]: serverInfo },
    }),
  };
  // A result is never empty, so a comma is right.
  return text !== undefined && meta === undefined
    ? `${text.slice(0, -1)},${JSON.stringify(added).slice(1)}`
    : JSON.stringify({ ...result, ...added });
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
