// The answer to a fast call as a JSON string, byte for byte as the SDK writes it. Only plain results and
// refusals are written here; every other outcome goes to the SDK's front, which knows all the rules. A result
// that the SDK would not change is sent as the string that the log has. That may be the server's own, with its
// white space and its way of writing numbers.
import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server';
import { isOfStop } from '../calls/call-gate.ts';
import type { Outcome } from '../calls/call.ts';
import type { LargeResult } from '../calls/large-json/large-json.ts';
import { isSameJson, toCheckedResult } from '../calls/tool-result.ts';
import { isRecord } from '../json-record.ts';

export interface FastResponseOptions {
  readonly id: string | number;
  readonly era: 'modern' | 'legacy';
}

export interface FastResponses {
  /** Undefined when the SDK has to write the answer. */
  toText(outcome: Outcome, options: FastResponseOptions): FastText | undefined;
}

/** An answer, in parts where it is too large to be one string. */
export type FastText = string | readonly (string | Buffer)[];

type Result = Readonly<Record<string, unknown>>;

export function createFastResponses(serverInfo: Result): FastResponses {
  const toAdded = (meta?: Result): Result => ({
    resultType: 'complete',
    ...(meta?.[SERVER_INFO_META_KEY] === undefined && {
      _meta: { ...meta, [SERVER_INFO_META_KEY]: serverInfo },
    }),
  });
  const added = JSON.stringify(toAdded()).slice(1);

  /** @param text the result as a JSON string, where it is known */
  const toModernText = (result: Result, text: string | undefined): string | undefined => {
    const { _meta: meta } = result;
    // A result is never empty, so there is a member before the comma.
    if (meta === undefined && text !== undefined) return `${text.slice(0, -1)},${added}`;
    if (meta !== undefined && !isRecord(meta)) return undefined;
    return JSON.stringify({ ...result, ...toAdded(meta) });
  };

  /** Cuts the closing brace off a large result and puts it after the added members. */
  const toLargeText = (
    { asTool, meta }: LargeResult,
    { id, era }: FastResponseOptions,
  ): FastText | undefined => {
    if (asTool === undefined) return undefined;
    const more = era === 'modern' ? toAdded(meta) : {};
    const all = JSON.stringify({ ...(meta !== undefined && { _meta: meta }), ...more });
    const end = all === '{}' ? '}' : `,${all.slice(1)}`;
    return [
      '{"result":',
      asTool.subarray(0, -1),
      `${end},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`,
    ];
  };

  return {
    toText(outcome, { id, era }) {
      // Refusals come in floods, and a bridge that stops has little time, so both stay off the SDK's front.
      if (outcome.kind === 'denied' || isOfStop(outcome)) {
        return JSON.stringify({ jsonrpc: '2.0', id, error: outcome.error });
      }
      if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') return undefined;
      if (outcome.large !== undefined) return toLargeText(outcome.large, { id, era });
      const result = toCheckedResult(outcome.result);
      if (result === undefined) return undefined;
      const text = isSameJson(result, outcome.result) ? outcome.text : undefined;
      const written =
        era === 'modern' ? toModernText(result, text) : (text ?? JSON.stringify(result));
      return written && `{"result":${written},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
    },
  };
}
