// Hosts on 127.0.0.1 that the operator allows, and a client of the server.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { connect, toCallerMeta } from '@drawbridge/kit/testing';
import { createDefinition } from '../src/server.ts';

const KEY = 'the key of the bridge';

export interface Reply {
  status?: number;
  type?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
) => Reply | undefined | Promise<Reply | undefined>;

export interface Host {
  url: string;
  /** `METHOD /path` of each request that came, robots.txt left out. */
  seen: string[];
  /** How often robots.txt was asked for. */
  robots: () => number;
}

/** Answers by path; a handler that returns nothing has answered itself or never does. */
export async function startHost(routes: Record<string, Reply | Handler>): Promise<Host> {
  const seen: string[] = [];
  let robots = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/robots.txt') robots += 1;
    else seen.push(`${request.method} ${path}`);
    const route = routes[path] ?? { status: 404, type: 'text/plain', body: 'not here' };
    void (async () => {
      const reply = typeof route === 'function' ? await route(request, response) : route;
      if (reply === undefined) return;
      const { status = 200, type, headers = {}, body = '' } = reply;
      response.writeHead(status, {
        ...(type !== undefined && { 'content-type': type }),
        ...headers,
      });
      response.end(body);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // A cast, because the type also covers pipes.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, robots: () => robots };
}

export interface Answer {
  text: string;
  isError: boolean;
  output: Record<string, unknown>;
  /** Of `fetch`. */
  pages: Record<string, unknown>[];
}

export interface Bench {
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  client: Awaited<ReturnType<typeof connect>>['client'];
}

export interface CallOptions {
  principal?: string;
  signal?: AbortSignal;
  onprogress?: (progress: { progress: number; total?: number | undefined }) => void;
}

export interface BenchOptions {
  era?: 'modern' | 'legacy';
  env?: NodeJS.ProcessEnv;
}

export async function openBench({ era = 'modern', env = {} }: BenchOptions = {}): Promise<Bench> {
  const definition = createDefinition({
    DRAWBRIDGE_ALLOW_HOSTS: '127.0.0.1',
    DRAWBRIDGE_FETCH_HOST_DELAY_MS: '0',
    ...env,
  });
  const { client, close } = await connect(definition, { era, bridgeKey: KEY });
  onTestFinished(close);
  return {
    client,
    async call(name, args = {}, { principal = 'p', ...options } = {}) {
      const caller = {
        key: KEY,
        tenant: 't',
        principal,
        project: 'j',
        run: 'r',
        roots: [],
        readOnly: [],
      };
      const result = await client.callTool(
        { name, arguments: args, _meta: toCallerMeta(caller) },
        { timeout: 60_000, ...options },
      );
      const [first] = result.content;
      const output = (result.structuredContent ?? {}) as Record<string, unknown>;
      return {
        text: first?.type === 'text' ? first.text : '',
        isError: result.isError === true,
        output,
        // Checked by the client against the tool's output schema.
        pages: (output['pages'] ?? []) as Record<string, unknown>[],
      };
    },
  };
}

export const html = (body: string, title = 'A title'): Reply => ({
  type: 'text/html; charset=utf-8',
  body: `<!doctype html><html><head><title>${title}</title></head><body>${body}</body></html>`,
});
