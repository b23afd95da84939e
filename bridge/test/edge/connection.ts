// A connection that does what no client library does: sends half of a request, sends many at once, or
// leaves its answers where they are.
import { type Socket, connect } from 'node:net';
import { onTestFinished, vi } from 'vitest';

export interface Head {
  readonly path?: string;
  readonly key?: string;
  readonly length?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawConnection {
  readonly socket: Socket;
  /** Everything that has come so far. */
  text(): string;
  isClosed(): boolean;
  /** Waits for an answer's status line. */
  status(): Promise<number>;
  closed(): Promise<void>;
}

export function open(url: string): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  let isClosed = false;
  socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
  // A reset is one way to be closed.
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  onTestFinished(() => void socket.destroy());
  return {
    socket,
    text: () => text,
    isClosed: () => isClosed,
    status: () =>
      vi.waitFor(
        () => {
          const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
          if (status === undefined) throw new Error(`no answer yet: ${text}`);
          return Number(status);
        },
        { timeout: 10_000, interval: 20 },
      ),
    closed: () =>
      vi.waitFor(
        () => {
          if (!isClosed) throw new Error('the connection is open');
        },
        { timeout: 10_000, interval: 20 },
      ),
  };
}

export function toHead({ path = '/mcp', key, length, headers = {} }: Head): string {
  const lines = {
    Host: '127.0.0.1',
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    ...(length !== undefined && { 'Content-Length': String(length) }),
    ...headers,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${text.join('')}\r\n`;
}

/** A modern call as a whole request. */
export function toCall(
  key: string,
  name: string,
  {
    args = {},
    meta: more = {},
    headers: others = {},
  }: { args?: object; meta?: object; headers?: Head['headers'] } = {},
): string {
  const meta = {
    ...more,
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: args, _meta: meta },
  });
  const headers = {
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': 'tools/call',
    'Mcp-Name': name,
    ...others,
  };
  return toHead({ key, length: Buffer.byteLength(body), headers }) + body;
}
