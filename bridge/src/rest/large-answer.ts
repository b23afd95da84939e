// The answer of a REST call whose result is kept as bytes: the bytes are sent as they are, between the other
// fields.
import type { Context } from 'hono';
import type { LargeResult } from '../calls/large-json/large-json.ts';

const encoder = new TextEncoder();

/** @param fields the fields before the result */
export function toLargeResponse(
  c: Context,
  fields: object,
  { bytes, meta }: Pick<LargeResult, 'bytes' | 'meta'>,
): Response {
  const tail = meta === undefined ? '}}' : `,"_meta":${JSON.stringify(meta)}}}`;
  const parts = [
    encoder.encode(`${JSON.stringify(fields).slice(0, -1)},"result":`),
    bytes.subarray(0, -1),
    encoder.encode(tail),
  ];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
  return c.body(body, 200, { 'Content-Type': 'application/json' });
}
