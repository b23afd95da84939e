// Large results on their way through the SDK's front. The SDK gets a small result that stands for the
// large one, and where it stands in the SDK's answer the bytes of the large one go out.
import { randomUUID } from 'node:crypto';
import type { CallMethod } from '../calls/call.ts';
import { LargeJson, type LargeResult } from '../calls/large-json/large-json.ts';

type Result = Record<string, unknown>;

/** Those of one request. */
export class LargeAnswers {
  readonly #waiting = new Map<string, { readonly standIn: Buffer; readonly inner: Buffer }>();

  /** The result for the SDK. */
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

  /** The response with what was taken out. The SDK writes each message as one chunk. */
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

/** Large arguments of a request in an object that the SDK lets pass. */
export function wrapArguments(body: unknown): void {
  const params = toParams(body);
  if (params?.['arguments'] instanceof LargeJson) {
    params['arguments'] = { large: params['arguments'] };
  }
}

/** What {@link wrapArguments} wrapped; no caller can send such an object. */
export function unwrapArguments(given: unknown): unknown {
  return typeof given === 'object' &&
    given !== null &&
    'large' in given &&
    given.large instanceof LargeJson
    ? given.large
    : given;
}

function toParams(body: unknown): Record<string, unknown> | undefined {
  const params =
    typeof body === 'object' && body !== null && 'params' in body ? body.params : undefined;
  // An object by the check; what it holds stays unknown.
  return typeof params === 'object' && params !== null
    ? (params as Record<string, unknown>)
    : undefined;
}
