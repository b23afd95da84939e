// Large messages of an HTTP server, before the SDK's transport would parse them: in the stream of bytes
// each is replaced by a small one that names it, and the call gets the large result past the SDK.
import { randomUUID } from 'node:crypto';
import { INTERNAL_ERROR } from '../../rpc-codes.ts';
import {
  LARGE_BYTES,
  type LargeJsonReader,
  type LargeMessage,
  type LargeResult,
} from '../../calls/large-json/large-json.ts';
import { joinSlices } from '../../calls/large-json/slices.ts';

export interface LargeMessagesOptions {
  readonly largeJson: LargeJsonReader;
  /** Whose turn they take. */
  readonly owner: string;
  /** Ids of requests under way that are no calls. */
  readonly requests: () => readonly (number | string)[];
}

const FIELD = 'drawbridge/large';
const KEPT_MS = 10_000;
const LF = 10;
const CR = 13;

/** Those of one connection. */
export class LargeMessages {
  readonly #options: LargeMessagesOptions;
  readonly #results = new Map<string, LargeResult | Promise<unknown>>();

  constructor(options: LargeMessagesOptions) {
    this.#options = options;
  }

  /** What a small result stands for. */
  async take(result: unknown): Promise<{ large?: LargeResult; result?: unknown }> {
    const token =
      typeof result === 'object' && result !== null && FIELD in result ? result[FIELD] : undefined;
    const found = typeof token === 'string' ? this.#results.get(token) : undefined;
    if (typeof token !== 'string' || found === undefined) return { result };
    this.#results.delete(token);
    return found instanceof Promise ? { result: await found } : { large: found };
  }

  /** A body that is one message. */
  body(): TransformStream<Uint8Array, Uint8Array> {
    const parts: Buffer[] = [];
    let size = 0;
    return new TransformStream({
      transform(chunk) {
        parts.push(toBuffer(chunk));
        size += chunk.length;
      },
      flush: async (controller) => {
        if (size <= LARGE_BYTES) for (const part of parts) controller.enqueue(part);
        else controller.enqueue(Buffer.from(await this.#replace(parts)));
      },
    });
  }

  /** An event stream (HTML, "Server-sent events"). One that ends its lines with CR alone goes by as it is. */
  events(): TransformStream<Uint8Array, Uint8Array> {
    let parts: Buffer[] = [];
    let size = 0;
    /** Of the line under way, without a CR at its end. */
    let line = 0;
    let isUnusual = false;
    return new TransformStream({
      transform: async (chunk, controller) => {
        const bytes = toBuffer(chunk);
        let start = 0;
        for (let at = 0; at < bytes.length && !isUnusual;) {
          const end = bytes.indexOf(LF, at);
          const text = bytes.subarray(at, end === -1 ? bytes.length : end);
          const cr = text.indexOf(CR);
          isUnusual = cr !== -1 && cr < text.length - 1;
          line += text.length - (cr === -1 ? 0 : 1);
          if (end === -1) break;
          at = end + 1;
          if (line === 0) {
            parts.push(bytes.subarray(start, at));
            size += at - start;
            start = at;
            if (size <= LARGE_BYTES) for (const part of parts) controller.enqueue(part);
            else controller.enqueue(Buffer.from(await this.#replaceEvent(parts)));
            parts = [];
            size = 0;
          }
          line = 0;
        }
        const rest = bytes.subarray(start);
        parts.push(rest);
        size += rest.length;
        if (!isUnusual) return;
        for (const part of parts.splice(0)) controller.enqueue(part);
        size = 0;
      },
      flush(controller) {
        for (const part of parts) controller.enqueue(part);
      },
    });
  }

  async #replaceEvent(parts: readonly Buffer[]): Promise<string> {
    const event = Buffer.concat(parts);
    const fields: string[] = [];
    const data: Buffer[] = [];
    for (let start = 0; start < event.length;) {
      const found = event.indexOf(LF, start);
      const end = found === -1 ? event.length : found;
      const line = event.subarray(start, event[end - 1] === CR ? end - 1 : end);
      start = end + 1;
      if (line.subarray(0, 5).toString('latin1') !== 'data:') {
        if (line.length > 0 && line.length <= LARGE_BYTES) fields.push(line.toString('utf8'));
        continue;
      }
      data.push(line.subarray(line[5] === 0x20 ? 6 : 5), Buffer.from('\n'));
    }
    return `${[...fields, `data: ${await this.#replace(data)}`].join('\n')}\n\n`;
  }

  async #replace(parts: readonly Buffer[]): Promise<string> {
    const { largeJson, owner, requests } = this.#options;
    const message = await largeJson.message(parts, { owner, requests: requests() });
    return JSON.stringify(this.#toSmall(message));
  }

  #toSmall(message: LargeMessage): unknown {
    switch (message.kind) {
      case 'result':
        return this.#keep(message.id, message.result, message.result.resultType);
      case 'sliced': {
        const { message: whole, list } = message;
        if (list === undefined) return whole;
        // Lists stand in answers.
        const { id, result } = whole as { id: number | string; result: Record<string, unknown> };
        const joined = joinSlices(message).then(() => result);
        return this.#keep(id, joined, result['resultType']);
      }
      case 'too_large':
        if (message.id === undefined) throw new Error('a message takes too much memory to be read');
        return toError(message.id);
      case 'malformed':
        throw new Error('a large message is not JSON-RPC');
    }
  }

  #keep(id: number | string, result: LargeResult | Promise<unknown>, resultType: unknown): unknown {
    const token = randomUUID();
    this.#results.set(token, result);
    // Nobody asks for what was given up meanwhile.
    setTimeout(() => this.#results.delete(token), KEPT_MS).unref();
    return { jsonrpc: '2.0', id, result: { [FIELD]: token, resultType } };
  }
}

function toError(id: number | string): unknown {
  const error = {
    code: INTERNAL_ERROR,
    message: 'its answer takes too much memory to be read',
    data: { code: 'upstream/too_large' },
  };
  return { jsonrpc: '2.0', id, error };
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
