// Sends a request over the fast path and over the SDK's front, and compares the answers. A `traceparent` that is
// not valid keeps a request off the fast path and changes nothing else.
import { expect } from 'vitest';
import type { TestBridge } from '../support/bridge.ts';

export const VERSION = '2026-07-28';
export const META = {
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientInfo': { name: 'parity', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
export const SLOW = { traceparent: 'unreadable' };

export interface Sent {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body: string;
  readonly key?: string;
}

export function createBothPaths(bridge: () => TestBridge) {
  const send = async ({
    path = '/mcp',
    headers = {},
    body,
    key = bridge().bridge.keys.member,
  }: Sent) => {
    const response = await bridge().request(path, {
      method: 'POST',
      key,
      headers: { Accept: 'application/json, text/event-stream', ...headers },
      body,
    });
    const text = await response.text();
    const isStream = response.headers.get('Content-Type') === 'text/event-stream';
    return {
      status: response.status,
      message: isStream
        ? text
            .split('\n')
            .find((line) => line.startsWith('data: '))
            ?.slice(6)
        : text,
      isFast: response.headers.get('Access-Control-Expose-Headers') === null,
    };
  };

  /** Sends a request over both paths; tells whether the first really was the fast one. */
  const both = async (sent: Sent) => {
    const fast = await send(sent);
    const slow = await send({ ...sent, headers: { ...sent.headers, ...SLOW } });
    expect(slow.isFast).toBe(false);
    expect({ status: fast.status, message: fast.message }).toEqual({
      status: slow.status,
      message: slow.message,
    });
    return fast;
  };
  return { send, both };
}
