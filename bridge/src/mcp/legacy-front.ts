// The front for revisions up to 2025-11-25 over Streamable HTTP. Sessions live in the store and not in an SDK
// object: each POST is served by a fresh SDK server, so any bridge, also a restarted one, can serve a session
// that another one began. The GET stream carries `list_changed` notifications.
import {
  WebStandardStreamableHTTPServerTransport,
  isInitializeRequest,
  isJSONRPCNotification,
  isJSONRPCRequest,
} from '@modelcontextprotocol/server';
import type { CallClient } from '../principals/caller.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { DrawbridgeError } from '../errors.ts';
import type { Session, Sessions } from '../sessions/sessions.ts';
import type { CallerContext } from './caller-context.ts';
import { type CallsUnderWay, toRequestKey } from './calls-under-way.ts';
import { createMcpServer, type McpServerDeps } from './mcp-server.ts';
import { type EventStream, createEventStream, toFrame } from '../edge/http/sse.ts';
import { whenWritten } from '../edge/http/when-written.ts';

const SESSION_HEADER = 'mcp-session-id';

export interface LegacyFront {
  fetch(request: Request, context: CallerContext, body: unknown): Promise<Response>;
  close(): Promise<void>;
}

export interface LegacyFrontOptions extends McpServerDeps {
  readonly catalog: Catalog;
  readonly sessions: Sessions;
  readonly underWay: CallsUnderWay;
  readonly onError: (error: Error) => void;
}

export function createLegacyFront({
  sessions,
  underWay,
  onError,
  ...deps
}: LegacyFrontOptions): LegacyFront {
  const streams = new Set<EventStream>();
  const unsubscribe = deps.catalog.subscribe(() => {
    for (const list of ['tools', 'prompts', 'resources']) {
      const method = `notifications/${list}/list_changed`;
      const frame = toFrame({ data: JSON.stringify({ jsonrpc: '2.0', method }) });
      for (const stream of streams) stream.send(frame);
    }
  });

  const requireSession = async (
    request: Request,
    { principal, session: known }: CallerContext,
  ): Promise<Session> => {
    if (known !== undefined) return known;
    const id = request.headers.get(SESSION_HEADER);
    if (id === null) {
      throw new DrawbridgeError(
        'request/invalid',
        'The header Mcp-Session-Id is missing; initialize gives one.',
      );
    }
    const session = await sessions.find(id, principal);
    if (session === undefined) {
      throw new DrawbridgeError(
        'session/unknown',
        'This session is not known, has ended or has expired; initialize a new one.',
      );
    }
    return session;
  };

  const serve = async (
    request: Request,
    context: CallerContext,
    body: unknown,
  ): Promise<Response> => {
    const server = createMcpServer(deps, context);
    server.onerror = onError;
    const transport = new WebStandardStreamableHTTPServerTransport();
    await server.connect(transport);
    const keys = toRequestKeys(context.sessionId, body);
    for (const key of keys) underWay.add(key, server);
    const response = await transport.handleRequest(request, { parsedBody: body });
    // When the reader has left, closing the server aborts its calls.
    return whenWritten(response, () => {
      for (const key of keys) underWay.delete(key);
      void server.close();
    });
  };

  const initialize = async (
    request: Request,
    context: CallerContext,
    body: unknown,
    client: CallClient,
  ) => {
    const { principal, view } = context;
    const response = await serve(request, { ...context, client }, body);
    if (!response.ok) return response;
    const session = await sessions.create({ principal, view, client });
    response.headers.set('Mcp-Session-Id', session.id);
    return response;
  };

  const post = async (
    request: Request,
    context: CallerContext,
    body: unknown,
  ): Promise<Response> => {
    if (isInitializeRequest(body)) {
      const { clientInfo, capabilities, protocolVersion } = body.params;
      return initialize(request, context, body, {
        era: 'legacy',
        name: `${clientInfo.name}/${clientInfo.version}`,
        protocolVersion,
        capabilities,
      });
    }
    const session = await requireSession(request, context);
    for (const message of Array.isArray(body) ? body : [body]) {
      if (!isJSONRPCNotification(message) || message.method !== 'notifications/cancelled') continue;
      // Each request has a server of its own, so closing it aborts this call only.
      await underWay.cancel(toRequestKey(session.id, message.params?.['requestId']));
    }
    return serve(
      request,
      {
        ...context,
        // Elicitation and sampling cannot reach a legacy client yet, so servers see no such capability.
        client: { ...session.client, capabilities: {} },
        view: context.view,
        sessionId: session.id,
        logLevel: session.logLevel ?? 'debug',
        setLogLevel: (level) => sessions.setLogLevel(session, level),
        runId: () => Promise.resolve(session.runId),
      },
      body,
    );
  };

  const listen = async (request: Request, context: CallerContext): Promise<Response> => {
    await requireSession(request, context);
    const stream = createEventStream({
      signal: AbortSignal.any([request.signal, context.keyEnded]),
      onClose: () => streams.delete(stream),
    });
    streams.add(stream);
    return stream.response;
  };

  return {
    async fetch(request, context, body) {
      switch (request.method) {
        case 'POST':
          return post(request, context, body);
        case 'GET':
          return listen(request, context);
        case 'DELETE':
          await sessions.end(await requireSession(request, context));
          return new Response(null, { status: 204 });
        default:
          return new Response(null, { status: 405, headers: { Allow: 'GET, POST, DELETE' } });
      }
    },
    async close() {
      unsubscribe();
      for (const stream of streams) stream.close();
      await underWay.cancelAll();
    },
  };
}

function toRequestKeys(sessionId: string | undefined, body: unknown): string[] {
  return (Array.isArray(body) ? body : [body])
    .filter((message) => isJSONRPCRequest(message))
    .map(({ id }) => toRequestKey(sessionId, id));
}
