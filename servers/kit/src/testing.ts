// A real client on a definition, without a process or a socket, in either protocol era.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { InMemoryTransport } from '@modelcontextprotocol/server';
import { CALLER_META_KEY, type Caller } from '@drawbridge/schemas';
import { createHttpHandler } from './http-handler.ts';
import type { Log } from './log.ts';
import { createServer, type ServerDefinition, type ServerSettings } from './server.ts';

export interface ConnectOptions {
  era?: 'modern' | 'legacy';
  /** As if given with --root. */
  roots?: readonly string[];
  bridgeKey?: string;
  log?: Log;
}

export interface Connection {
  client: Client;
  close(): Promise<void>;
}

const quiet: Log = () => {};

/** Connects a client of `era` (modern by default) to a fresh server of `definition`. */
export async function connect(
  definition: ServerDefinition,
  { era = 'modern', roots = [], bridgeKey, log = quiet }: ConnectOptions = {},
): Promise<Connection> {
  const settings: ServerSettings = { bridgeKey, roots, log };
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  );
  if (era === 'legacy') {
    const [near, far] = InMemoryTransport.createLinkedPair();
    const server = createServer(definition, settings);
    await server.connect(far);
    await client.connect(near);
    return { client, close: () => client.close() };
  }
  const handler = createHttpHandler(definition, settings, { hostnames: ['localhost'] });
  const transport = new StreamableHTTPClientTransport(new URL('http://localhost/mcp'), {
    fetch: (url, init) => {
      const request = new Request(url, init);
      request.headers.set('host', 'localhost');
      return handler.fetch(request);
    },
  });
  await client.connect(transport);
  return {
    client,
    async close() {
      await client.close();
      await handler.close();
    },
  };
}

/** `_meta` of a call, as the bridge sends it. */
export function toCallerMeta(caller: Caller): Record<string, unknown> {
  return {
    [CALLER_META_KEY]: caller,
  };
}
