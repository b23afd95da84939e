// The requests that attacks are made of: calls over each way into the bridge, with arguments given as
// JSON text, because some of them could never be written by JSON.stringify.
import type { Asked } from './requests.ts';

const META = 'io.modelcontextprotocol/';
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';

export const QUIET_TOOL = 'quiet__note';

export type Way = 'fast' | 'sdk' | 'rest';

export const ways: readonly Way[] = ['fast', 'sdk', 'rest'];

export interface CallOptions {
  readonly key?: string | undefined;
  readonly tool?: string;
  readonly way?: Way;
  readonly client?: string;
}

/** One call of a tool. `argumentsText` stands in the body as it is. */
export function toCallRequest(
  argumentsText: string,
  { key, tool = QUIET_TOOL, way = 'fast', client = 'attacker' }: CallOptions = {},
): Required<Pick<Asked, 'path' | 'headers'>> & { readonly body: string } {
  const authorization = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  if (way === 'rest') {
    return {
      path: `/v1/tools/${encodeURIComponent(tool)}/call`,
      headers: { ...authorization, 'Content-Type': 'application/json' },
      body: `{"arguments":${argumentsText}}`,
    };
  }
  // A progress token is nothing for the fast path.
  const progress = way === 'sdk' ? ',"progressToken":1' : '';
  const meta = `"_meta":{"${META}protocolVersion":"${MODERN}","${META}clientInfo":{"name":"${client}","version":"1.0.0"},"${META}clientCapabilities":{}${progress}}`;
  return {
    path: '/mcp',
    headers: { ...authorization, ...toModernHeaders('tools/call'), 'Mcp-Name': tool },
    body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${JSON.stringify(tool)},"arguments":${argumentsText},${meta}}}`,
  };
}

function toModernHeaders(method: string): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'Mcp-Protocol-Version': MODERN,
    'Mcp-Method': method,
  };
}

/** `initialize` of a legacy client; the answer's headers hold its session. */
export function toInitialize(key: string, client: string) {
  return {
    path: '/mcp',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: LEGACY,
        capabilities: {},
        clientInfo: { name: client, version: '1.0.0' },
      },
    }),
  };
}

/** A request as bytes on a connection, for those who keep that in their own hands. */
export function toBytes({
  method = 'POST',
  path = '/mcp',
  headers = {},
  body = '',
}: Asked): Buffer {
  const lines = Object.entries({
    Host: '127.0.0.1',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`),
    Buffer.from(body),
  ]);
}
