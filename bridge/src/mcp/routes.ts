// The MCP routes: `/mcp`, `/mcp/{toolset}` and `/servers/{name}/mcp`. Parses the body once, finds the era,
// makes the caller's context, and hands over to the front of that era.
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  isJSONRPCRequest,
  isLegacyRequest,
} from '@modelcontextprotocol/server';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { toStopReason } from '../calls/call-gate.ts';
import type { View } from '../calls/call.ts';
import type { CallClient } from '../principals/caller.ts';
import { DrawbridgeError } from '../errors.ts';
import { type LogLevel, logLevelSchema } from '../sessions/log-level.ts';
import type { CallerContext } from './caller-context.ts';
import type { CallsUnderWay } from './calls-under-way.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { endWith } from '../edge/http/key-hold.ts';
import { LargeAnswers, wrapArguments } from './large-answers.ts';
import { createLegacyFront } from './legacy-front.ts';
import { createModernFront } from './modern-front.ts';
import { toProject } from '../edge/http/project.ts';
import { readJsonBody } from './request-body.ts';
import { toRpcError } from '../edge/rpc-error.ts';

const modernBody = z.looseObject({
  params: z
    .looseObject({
      _meta: z.looseObject({
        [PROTOCOL_VERSION_META_KEY]: z.string().optional(),
        [CLIENT_INFO_META_KEY]: z.looseObject({ name: z.string(), version: z.string() }).optional(),
        [CLIENT_CAPABILITIES_META_KEY]: z.record(z.string(), z.unknown()).optional(),
        [LOG_LEVEL_META_KEY]: logLevelSchema.optional(),
      }),
    })
    .optional(),
});
/** Messages in one batch; each costs what a request of its own does. */
const MAX_MESSAGES = 100;
const TRACE_PARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface McpRoutes {
  readonly app: Hono<HttpEnv>;
  close(): Promise<void>;
}

export function createMcpRoutes(deps: HttpDeps, underWay: CallsUnderWay): McpRoutes {
  const onError = (error: Error): void => deps.logger.debug({ err: error }, 'mcp front');
  const modern = createModernFront({ ...deps, onError });
  const legacy = createLegacyFront({ ...deps, underWay, onError });

  const serve = async (c: Context<HttpEnv>, view: View): Promise<Response> => {
    if (!deps.catalog.has(view)) throw unknownView(view);
    const request = c.req.raw;
    const { outcome, session, ...known } = c.env.precomputed ?? {};
    const body =
      request.method === 'POST'
        ? await readJsonBody(request, {
            ...known,
            read: (bytes) =>
              deps.largeJson.request(bytes, { at: 'params', owner: c.get('principal').id }),
          })
        : undefined;
    if (request.method === 'POST' && body === undefined) throw noMessage();
    if (Array.isArray(body) && body.length > MAX_MESSAGES) throw tooManyMessages();
    if (deps.isStopping() && outcome === undefined) {
      if (request.method === 'GET') throw toStopReason();
      const refusal = toRefusal(body); // notifications and DELETE are still served
      if (refusal !== undefined) return Response.json(refusal);
    }
    wrapArguments(body);
    // The SDK does not wait for its reader.
    c.env.outgoing?.takePushed();
    const large = new LargeAnswers();
    const context = {
      ...toContext(c, view, body),
      ...(outcome !== undefined && { outcome }),
      ...(session !== undefined && { session }),
      large,
    };
    const front = (await isLegacyRequest(request, body)) ? legacy : modern;
    const response = await front.fetch(request, context, body);
    const whole = request.method === 'POST' ? await large.fill(response) : response;
    return endWith(whole, context.keyEnded, { isCall: !isSubscription(body) });
  };

  const toContext = (c: Context<HttpEnv>, view: View, body: unknown): CallerContext => {
    const principal = c.get('principal');
    const { client, logLevel } = fromModernMeta(body);
    const traceId = TRACE_PARENT.exec(c.req.header('traceparent') ?? '')?.[1];
    const { project, roots } = toProject((name) => c.req.header(name), deps);
    return {
      principal,
      view,
      client,
      project,
      roots,
      requestId: c.get('requestId'),
      keyEnded: c.get('keyEnded'),
      ...(logLevel !== undefined && { logLevel }),
      runId: () =>
        deps.runs.streamRuns.find({
          principal,
          client,
          project,
          ...(traceId !== undefined && { traceId }),
        }),
    };
  };

  const app = new Hono<HttpEnv>();
  app.all('/mcp', (c) => serve(c, { kind: 'all' }));
  app.all('/mcp/:name', (c) => serve(c, { kind: 'toolset', name: c.req.param('name') }));
  app.all('/servers/:name/mcp', (c) => serve(c, { kind: 'server', name: c.req.param('name') }));
  return {
    app,
    async close() {
      await Promise.all([modern.close(), legacy.close()]);
    },
  };
}

/** Whether the answer is a stream that never ends by itself (2026-07-28, `subscriptions/listen`). */
function isSubscription(body: unknown): boolean {
  return isJSONRPCRequest(body) && body.method === 'subscriptions/listen';
}

/** What a bridge that stops answers to the requests of a body; undefined when it holds none. */
function toRefusal(body: unknown): unknown {
  const { code, message, data } = toRpcError(toStopReason());
  const refusals = (Array.isArray(body) ? body : [body])
    .filter((one) => isJSONRPCRequest(one))
    .map(({ id }) => ({ jsonrpc: '2.0', id, error: { code, message, data } }));
  return Array.isArray(body) && refusals.length > 0 ? refusals : refusals[0];
}

function unknownView(view: View): DrawbridgeError {
  return view.kind === 'server'
    ? new DrawbridgeError(
        'upstream/unknown',
        `There is no server ${view.name}; GET /v1/servers lists them.`,
      )
    : new DrawbridgeError(
        'request/not_found',
        'There is no such toolset; drawbridge.toolsets in the settings names them.',
      );
}

function noMessage(): DrawbridgeError {
  return new DrawbridgeError(
    'request/invalid',
    'The body is empty; a JSON-RPC message is expected.',
  );
}

function tooManyMessages(): DrawbridgeError {
  return new DrawbridgeError(
    'request/too_large',
    `A batch holds ${MAX_MESSAGES} messages at most; send them in several.`,
  );
}

/** The client as it describes itself in each request's `_meta` (2026-07-28, Basic, "_meta"). */
function fromModernMeta(body: unknown): { client: CallClient; logLevel: LogLevel | undefined } {
  const { data } = modernBody.safeParse(body);
  const meta = data?.params?._meta ?? {};
  const info = meta[CLIENT_INFO_META_KEY];
  const version = meta[PROTOCOL_VERSION_META_KEY];
  const client: CallClient = {
    era: 'modern',
    capabilities: meta[CLIENT_CAPABILITIES_META_KEY] ?? {},
    ...(info !== undefined && { name: `${info.name}/${info.version}` }),
    ...(version !== undefined && { protocolVersion: version }),
  };
  return { client, logLevel: meta[LOG_LEVEL_META_KEY] };
}
