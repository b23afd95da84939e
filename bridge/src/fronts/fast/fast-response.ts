// The answer of a fast call as JSON-RPC text, byte for byte as the SDK writes it. Only plain results
// are written here; every other outcome is handed to the SDK's front, which knows all the rules.
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
  const result = era === 'modern' ? toModernResult(checked.value, serverInfo) : checked.value;
  return result && JSON.stringify({ result, jsonrpc: '2.0', id });
}

function toModernResult(
  result: Record<string, unknown>,
  serverInfo: FastResponseOptions['serverInfo'],
) {
  const { _meta: meta } = result;
  if (meta !== undefined && !isRecord(meta)) return undefined;
  return {
    ...result,
    resultType: 'complete',
    ...(meta?.[SERVER_INFO_META_KEY] === undefined && {
      _meta: { ...meta, [SERVER_INFO_META_KEY]: serverInfo },
    }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
