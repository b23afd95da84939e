// Large results on the SDK's path. The SDK gets a small stand-in for the result, with a random token. In the
// SDK's answer the stand-in is replaced by the bytes of the result.
import { randomUUID } from 'node:crypto';
import type { CallMethod } from '../calls/call.ts';
import { LargeJson, type LargeResult } from '../calls/large-json/large-json.ts';
import { isRecord } from '../json-record.ts';

type Result = Record<string, unknown>;

/** The large results of one request. */
export class LargeAnswers {
  readonly #waiting = new Map<string, { readonly standIn: Buffer; readonly inner: Buffer }>();

  /** Keeps a large result; returns its stand-in for the SDK. */
  standIn(method: CallMethod, { bytes, asTool, meta }: LargeResult): Result {
    const token = randomUUID();
    const standIn = toStandIn(method, token);
    const own = method === 'tools/call' ? (asTool ?? bytes) : bytes;
    this.#waiting.set(token, {
      standIn: Buffer.from(JSON.stringify(standIn).slice(1, -1)),
      inner: own.subarray(1, -1),
    });
    return meta === undefined ? standIn : { ...standIn, _meta: meta };
  }

  /** The response with the kept results in place of their stand-ins. The SDK writes each message as one chunk. */
  fill(response: Response): Response {
    if (response.body === null) return response;
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          for (const part of this.#fill(chunk)) controller.enqueue(part);
        },
      }),
    );
    return new Response(body, response);
  }

  #fill(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#waiting.size === 0) return [chunk];
    const { buffer, byteOffset, byteLength } = chunk;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    for (const [token, { standIn, inner }] of this.#waiting) {
      const at = bytes.indexOf(standIn);
      if (at === -1) continue;
      this.#waiting.delete(token);
      return [bytes.subarray(0, at), inner, bytes.subarray(at + standIn.length)];
    }
    return [chunk];
  }
}

function toStandIn(method: CallMethod, token: string): Result {
  switch (method) {
    case 'tools/call':
      return { content: [{ type: 'text', text: token }] };
    case 'resources/read':
      return { contents: [{ uri: token, text: '' }] };
    case 'prompts/get':
      return { messages: [{ role: 'user', content: { type: 'text', text: token } }] };
    case 'completion/complete':
      return { completion: { values: [token] } };
    default:
      return method satisfies never;
  }
}

/** Wraps large arguments of a request in an object that the SDK accepts. */
export function wrapArguments(body: unknown): void {
  if (!isRecord(body) || !isRecord(body['params'])) return;
  const { params } = body;
  if (params['arguments'] instanceof LargeJson) {
    params['arguments'] = { large: params['arguments'] };
  }
}

/** Undoes {@link wrapArguments}. No caller can send such an object, since JSON holds no `LargeJson`. */
export function unwrapArguments(given: unknown): unknown {
  return isRecord(given) && given['large'] instanceof LargeJson ? given['large'] : given;
}
