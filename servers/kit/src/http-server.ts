// The socket in front of http-handler.ts. Loopback needs no token, because Host and Origin are checked
// and whoever can reach it is on this machine; any other address is refused without one.
import { timingSafeEqual } from 'node:crypto';
import { createServer as createNodeServer } from 'node:http';
import { isIP } from 'node:net';
import { toNodeHandler, type NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createHttpHandler } from './http-handler.ts';
import type { ServerDefinition, ServerSettings } from './server.ts';

/** Environment variable with the bearer token that every HTTP request must carry. */
export const TOKEN_ENV = 'DRAWBRIDGE_SERVER_TOKEN';

export interface HttpServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  token: string | undefined;
}

export interface HttpServer {
  url: string;
  close(): Promise<void>;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function carriesToken(header: string | null, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** @throws Error when `host` is not loopback and there is no token. */
export async function createHttpServer(
  definition: ServerDefinition,
  settings: ServerSettings,
  { host, port, token }: HttpServerOptions,
): Promise<HttpServer> {
  const guarded = token !== undefined && token !== '';
  if (!isLoopback(host) && !guarded) {
    throw new Error(
      `--host ${host} is reachable from other machines, so every request must carry a token. ` +
        `Set ${TOKEN_ENV} to a long random value, or leave --host out to serve this machine alone.`,
    );
  }
  const handler = createHttpHandler(definition, settings, {
    hostnames: isLoopback(host) ? [...LOOPBACK, host] : 'any',
  });
  const fetch = async (request: Request): Promise<Response> => {
    if (guarded && !carriesToken(request.headers.get('authorization'), token)) {
      return new Response('A bearer token is needed.', {
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    return handler.fetch(request);
  };
  const handle = toNodeHandler(
    { fetch },
    {
      maxRequestBodySize: MAX_BODY_BYTES,
      onerror: (error) => settings.log('a request failed', { error }),
    },
  );
  const node = createNodeServer((request, response) => {
    // The adapter's type says no more than "optional" where Node's says "or undefined".
    handle(request as NodeIncomingMessageLike, response).catch((error: unknown) => {
      settings.log('a response failed', { error });
      response.destroy();
    });
  });
  node.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    node.once('error', reject);
    node.listen(port, host, resolve);
  });
  const address = node.address();
  const bound = address !== null && typeof address === 'object' ? address.port : port;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/mcp`,
    close: () =>
      (closing ??= (async () => {
        await handler.close();
        const closed = new Promise((resolve) => node.close(resolve));
        node.closeAllConnections();
        await closed;
      })()),
  };
}
