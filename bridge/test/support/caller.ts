// One user of a test bridge, over plain HTTP: their keys, calls, legacy sessions and streams.
import type { TestBridge } from './bridge.ts';

const LEGACY = '2025-06-18';

export interface Caller {
  readonly keyId: string;
  readonly key: string;
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The status and the body of a tool's call over REST. */
  call(
    tool: string,
    args: object,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
  /** A legacy message. */
  post(message: object, session?: string): Promise<Response>;
  /** The id of a new legacy session. */
  initialize(): Promise<string>;
}

type Door = Pick<TestBridge, 'request'>;

export async function makeCaller(
  bridge: Door,
  body: { name: string; user?: string; role?: string; expiresAt?: string },
): Promise<Caller> {
  const made = await bridge.request('/v1/keys', { method: 'POST', body: JSON.stringify(body) });
  if (made.status !== 201) throw new Error(`${made.status} ${await made.text()}`);
  const { id, key } = (await made.json()) as { id: string; key: string };
  return asCaller(bridge, { id, key });
}

export function asCaller(bridge: Door, { id, key }: { id: string; key: string }): Caller {
  const request: Caller['request'] = (path, init = {}) => bridge.request(path, { ...init, key });
  const post: Caller['post'] = (message, session) =>
    request('/mcp', {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      headers: {
        Accept: 'application/json, text/event-stream',
        'Mcp-Protocol-Version': LEGACY,
        ...(session !== undefined && { 'Mcp-Session-Id': session }),
      },
    });
  return {
    keyId: id,
    key,
    request,
    async call(tool, args, headers = {}) {
      const response = await request(`/v1/tools/${tool}/call`, {
        method: 'POST',
        body: JSON.stringify({ arguments: args }),
        headers,
      });
      const body = (await response.json()) as Record<string, unknown>;
      return { status: response.status, headers: response.headers, body };
    },
    post,
    async initialize() {
      const response = await post({
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: LEGACY,
          capabilities: {},
          clientInfo: { name: 'a client', version: '1' },
        },
      });
      await response.text();
      return response.headers.get('mcp-session-id') ?? '';
    },
  };
}
