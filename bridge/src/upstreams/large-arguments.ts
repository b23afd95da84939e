// Arguments that travel as bytes, on their way into a message to a server.
import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { LargeJson } from '../calls/large-json/large-json.ts';

/** Stands for the arguments while the rest is written; nobody outside can know it. */
const MARK = randomUUID();
const MARK_TEXT = JSON.stringify(MARK);

export function toLargeArguments(message: JSONRPCMessage): LargeJson | undefined {
  if (!('method' in message)) return undefined;
  const given = message.params?.['arguments'];
  return given instanceof LargeJson ? given : undefined;
}

/** The message as JSON, in parts. */
export function withLargeArguments(
  message: JSONRPCMessage,
  { bytes }: LargeJson,
): readonly [string, Buffer, string] {
  const params = 'method' in message ? message.params : undefined;
  const text = JSON.stringify({ ...message, params: { ...params, arguments: MARK } });
  const at = text.indexOf(MARK_TEXT);
  return [text.slice(0, at), bytes, text.slice(at + MARK_TEXT.length)];
}

/** Those of requests that a library writes: it gets a mark, which gives way where the body goes out. */
export class OutgoingArguments {
  readonly #waiting = new Map<string, LargeJson>();

  take(message: JSONRPCMessage): JSONRPCMessage {
    const large = toLargeArguments(message);
    if (large === undefined || !('method' in message)) return message;
    const mark = randomUUID();
    this.#waiting.set(mark, large);
    return { ...message, params: { ...message.params, arguments: mark } };
  }

  fill(body: string): string | Uint8Array<ArrayBuffer> {
    for (const [mark, { bytes }] of this.#waiting) {
      const text = JSON.stringify(mark);
      const at = body.indexOf(text);
      if (at === -1) continue;
      this.#waiting.delete(mark);
      return Buffer.concat([
        Buffer.from(body.slice(0, at)),
        bytes,
        Buffer.from(body.slice(at + text.length)),
      ]);
    }
    return body;
  }
}
