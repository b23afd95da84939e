// A tool's result as the SDK's front would send it. A result that the SDK would not change is sent as the
// JSON string that is already known; any other is left to the SDK.
import { specTypeSchemas } from '@modelcontextprotocol/server';
import { isRecord } from '../json-record.ts';

type Result = Readonly<Record<string, unknown>>;

/** The result as the SDK reads it; undefined where it would not take it as it is. */
export function toCheckedResult(result: Result): Result | undefined {
  if (isNothingButText(result)) return result;
  const { resultType, structuredContent: structured } = result;
  if (resultType !== undefined && resultType !== 'complete') return undefined;
  // The SDK wraps a result that is not an object for older clients, and adds it as text.
  if (structured !== undefined && !isRecord(structured)) return undefined;
  const checked = specTypeSchemas.CallToolResult['~standard'].validate({ content: [], ...result });
  return checked.issues === undefined ? checked.value : undefined;
}

/** Most results have this shape, which needs no schema to be read. */
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
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, at) => isSameJson(item, b[at]))
    );
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const others = Object.keys(b);
  const names = Object.keys(a);
  return (
    names.length === others.length &&
    names.every((name, at) => name === others[at] && isSameJson(a[name], b[name]))
  );
}
