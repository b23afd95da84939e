// MCP over Streamable HTTP for both eras, as one `fetch`. Modern requests are stateless. A legacy client gets
// a session, because progress, cancellation and subscriptions of that era need one. Whoever owns the socket
// bounds the bodies.
import { randomUUID } from 'node:crypto';
import {
  WebStandardStreamableHTTPServerTransport,
  createMcpHandler,
  hostHeaderValidationResponse,
  isInitializeRequest,
  isLegacyRequest,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { createServer, type ServerDefinition, type ServerSettings } from './server.ts';
import { createSubscriptions } from './subscriptions.ts';
import { toListen, toListenRefusal } from './watched-transport.ts';

export interface HttpHandlerOptions {
  /** Names that `Host` and `Origin` may carry, or `any` where a token guards every request. */
  hostnames: readonly string[] | 'any';
  /** Legacy sessions at once; the one unused longest goes first. */
  maxSessions?: number;
}

export interface HttpHandler {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

function plain(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32_000, message }, id: null }, { status });
}

function createLegacySessions(
  definition: ServerDefinition,
  settings: ServerSettings,
  maxSessions: number,
) {
  /** In the order of their last use. */
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const open = async (request: Request, body: unknown): Promise<Response> => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        sessions.set(id, transport);
      },
      onsessionclosed: (id) => {
        sessions.delete(id);
      },
    });
    await createServer(definition, settings).connect(transport);
    for (const [oldest, old] of sessions) {
      if (sessions.size < maxSessions) break;
      sessions.delete(oldest);
      await old.close();
    }
    return transport.handleRequest(request, { parsedBody: body });
  };
  return {
    async fetch(request: Request, body: unknown): Promise<Response> {
      const id = request.headers.get('mcp-session-id');
      if (id === null) {
        if (isInitializeRequest(body)) return open(request, body);
        return plain(400, 'No session: send initialize first, then its Mcp-Session-Id.');
      }
      const transport = sessions.get(id);
      if (transport === undefined) return plain(404, 'No such session: initialize again.');
      sessions.delete(id);
      sessions.set(id, transport);
      return transport.handleRequest(request, body === undefined ? {} : { parsedBody: body });
    },
    async close(): Promise<void> {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map((transport) => transport.close()));
    },
  };
}

/** The body of a POST as JSON; nothing when there is none or it is not JSON, for the SDK to refuse. */
async function bodyOf(request: Request): Promise<unknown> {
  if (request.method !== 'POST') return undefined;
  try {
    return await request.clone().json();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function createHttpHandler(
  definition: ServerDefinition,
  settings: ServerSettings,
  { hostnames, maxSessions = 256 }: HttpHandlerOptions,
): HttpHandler {
  const { log } = settings;
  const modern = createMcpHandler(() => createServer(definition, settings), {
    legacy: 'reject',
  });
  const legacy = createLegacySessions(definition, settings, maxSessions);
  const subscriptions = createSubscriptions(
    definition.resources ?? {},
    (uri) => modern.notify.resourceUpdated(uri),
    log,
  );

  /** A modern listen is watched for as long as its stream is open. */
  const watched = async (request: Request, body: unknown): Promise<Response> => {
    const listen = toListen(body, settings, request.signal);
    if (listen === undefined) return modern.fetch(request, { parsedBody: body });
    const watch = randomUUID();
    try {
      await subscriptions.open(watch, listen.uris, listen.context);
    } catch (error) {
      return Response.json(toListenRefusal(listen.id, error));
    }
    request.signal.addEventListener('abort', () => subscriptions.close(watch), { once: true });
    const response = await modern.fetch(request, { parsedBody: body });
    // Refused after all: there is no stream whose end would end the watch.
    if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
      subscriptions.close(watch);
    }
    return response;
  };

  return {
    async fetch(request) {
      const refused =
        hostnames === 'any'
          ? undefined
          : (hostHeaderValidationResponse(request, [...hostnames]) ??
            originValidationResponse(request, [...hostnames]));
      if (refused !== undefined) return refused;
      if (new URL(request.url).pathname !== '/mcp') return plain(404, 'The path is /mcp.');
      const body = await bodyOf(request);
      if (await isLegacyRequest(request, body)) {
        return legacy.fetch(request, body);
      }
      return body === undefined ? modern.fetch(request) : watched(request, body);
    },
    async close() {
      subscriptions.closeAll();
      await Promise.all([modern.close(), legacy.close()]);
    },
  };
}
