// Puts the HTTP side together: the edge, the fast path, and behind both the Hono app with its checks (id, host,
// origin, key), all routes, and the one handler that makes answers of errors.
import { getRequestListener } from '@hono/node-server';
import { OpenAPIHono, type z } from '@hono/zod-openapi';
import { type Edge, type EdgeOptions, createEdge } from './edge/edge.ts';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { METHOD_NAME_ALL } from 'hono/router';
import type { RouterRoute } from 'hono/types';
import { toStopReason } from './calls/call-gate.ts';
import { DrawbridgeError, toMessage } from './errors.ts';
import { createHeapRoom, toHeapShare } from './flow/heap-room.ts';
import type { Settings } from './settings/settings.ts';
import { createAuthFailures } from './edge/http/auth-failures.ts';
import { assertOperator, authenticate, toKey } from './edge/http/authenticate.ts';
import { refuseLargeBody, requireJson } from './edge/http/body-guard.ts';
import { createCallsUnderWay } from './mcp/calls-under-way.ts';
import { toErrorAnswer } from './edge/error-answer.ts';
import type { Tally } from './edge/tally.ts';
import { type FastFrontOptions, createFastFront } from './fast/fast-front.ts';
import { createHealthRoutes } from './rest/health.ts';
import { createCors, createHostGuard } from './edge/http/host-guard.ts';
import type { HttpEnv, HttpDeps } from './edge/http/http-env.ts';
import { holdKey } from './edge/http/key-hold.ts';
import { type McpRoutes, createMcpRoutes } from './mcp/routes.ts';
import type { Precomputed } from './edge/http/precomputed.ts';
import { createDocsRoutes, describeApi } from './rest/docs.ts';
import { addArtifactRoutes } from './rest/artifacts.ts';
import { addKeyRoutes } from './rest/keys.ts';
import { createLargeReads } from './rest/large-reads.ts';
import { addPruneRoute } from './rest/prune.ts';
import { addRunRoutes } from './rest/runs.ts';
import { addServerRoutes } from './rest/servers.ts';
import { addToolRoutes } from './rest/tools.ts';
import { addWithheldRoutes } from './rest/withheld.ts';

export interface HttpFront {
  readonly edge: Pick<Edge, 'connected' | 'listener'>;
  close(): Promise<void>;
}

export function createHttpFront(deps: HttpDeps): HttpFront {
  const { settings, logger, principals } = deps;
  const underWay = createCallsUnderWay();
  const mcp = createMcpRoutes(deps, underWay);
  const precomputed = new WeakMap<object, Precomputed>();
  const failures = createAuthFailures((event) => {
    deps.audit(event).catch((error: unknown) => {
      logger.error({ err: error }, 'a security event was not recorded');
    });
  });
  const app = createApp(deps, mcp, failures);
  const listener = getRequestListener(
    (request, env) => {
      const { incoming } = env;
      return app.fetch(request, { ...env, precomputed: precomputed.get(incoming) });
    },
    // The edge has read the body, or leaves it unread.
    { autoCleanupIncoming: false },
  );
  const pass: FastFrontOptions['fallback'] = (request, response, rawBody, known) => {
    precomputed.set(request, known);
    Object.assign(request, { rawBody });
    listener(request, response).catch((error: unknown) => {
      logger.error({ err: error }, 'a request broke off');
      response.destroy();
    });
  };
  const refuse: EdgeOptions['refuse'] = (request, response, refusal) =>
    pass(request, response, Buffer.alloc(0), refusal === undefined ? {} : { refusal });
  const heap = createHeapRoom(logger);
  const limits = createLimits(settings);
  const edge = createEdge({
    limits,
    logger,
    toKey: ({ headers }) => toKey(headers.authorization),
    verify: principals.verify,
    turn: deps.turn,
    isShort: () => heap.isShort,
    handle: createFastFront({ deps, underWay, refuse, fallback: pass }),
    refuse,
  });
  return {
    edge,
    async close() {
      failures.close();
      heap.close();
      edge.close();
      await mcp.close();
    },
  };
}

/** The routes and what stands before them, in order. */
function createApp(deps: HttpDeps, mcp: McpRoutes, failures: Tally): OpenAPIHono<HttpEnv> {
  const { settings, logger, metrics, principals } = deps;
  const app = new OpenAPIHono<HttpEnv>({
    defaultHook(result) {
      if (!result.success) throw toInvalid(result.error);
    },
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
  });
  app.use(observeRequests(deps));
  app.use(
    createHostGuard({
      allowedHosts: () => settings().allowedHosts,
      origins: () => settings().cors.origins,
    }),
  );
  app.use(createCors(() => settings().cors.origins));

  app.route('/', createHealthRoutes(deps));
  app.route('/', createDocsRoutes());

  app.use(async (c, next) => {
    const refusal = c.env.precomputed?.refusal;
    if (refusal !== undefined) throw refusal;
    await next();
  });
  app.use(async (c, next) => {
    const principal =
      c.env.precomputed?.principal ??
      (await authenticate(c, principals.verify).catch((error: unknown) => {
        if (error instanceof DrawbridgeError) failures.note(error.code);
        throw error;
      }));
    c.set('principal', principal);
    await holdKey(c, principals, next);
  });
  app.route('/', mcp.app);
  app.use(async (_c, next) => {
    if (deps.isStopping()) throw toStopReason();
    await next();
  });
  app.use('/v1/*', requireJson);
  addToolRoutes(app, deps);
  app.use('/v1/*', refuseLargeBody);
  const largeReads = createLargeReads();
  app.use('/v1/artifacts/*', largeReads);
  app.use('/v1/runs/*', largeReads);
  addServerRoutes(app, deps);
  addWithheldRoutes(app, deps);
  addRunRoutes(app, deps);
  addArtifactRoutes(app, deps);
  addKeyRoutes(app, deps);
  addPruneRoute(app, deps);
  app.get('/metrics', async (c) => {
    // The metrics show what everybody calls, and how often.
    assertOperator(c.get('principal'));
    return c.text(await metrics.render(), 200, { 'Content-Type': metrics.contentType });
  });
  app.get('/openapi.json', (c) => c.json(describeApi(app, deps.version)));

  app.notFound((c) => {
    throw new DrawbridgeError(
      'request/not_found',
      `There is no route ${c.req.method} ${c.req.path}; /openapi.json describes what there is.`,
    );
  });
  app.onError((error, c) => {
    const requestId = c.get('requestId');
    const { status, headers, body } = toErrorAnswer(error, { path: c.req.path, requestId });
    if (status === 500) {
      logger.error(
        { requestId, err: error, path: c.req.path },
        `request failed: ${toMessage(error)}`,
      );
    }
    return c.json(body, status, headers);
  });
  return app;
}

/** Gives each request its id, and measures it. */
function observeRequests({
  createId,
  metrics,
  logger,
}: Pick<HttpDeps, 'createId' | 'metrics' | 'logger'>): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const begin = performance.now();
    const requestId = createId();
    c.set('requestId', requestId);
    await next();
    c.res.headers.set('X-Request-Id', requestId);
    const seconds = (performance.now() - begin) / 1_000;
    metrics.request({
      route: toRouteLabel(c),
      method: c.req.method,
      status: c.res.status,
      seconds,
    });
    logger.debug(
      { requestId, method: c.req.method, path: c.req.path, status: c.res.status, seconds },
      'request',
    );
  };
}

/** A request that does not have the shape that its route describes. */
function toInvalid({ issues }: z.core.$ZodError): DrawbridgeError {
  const details = issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const message = details.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new DrawbridgeError('request/invalid', message, { details });
}

/** The limits of the settings, lowered where the heap is small; computed anew only when these change. */
function createLimits(settings: () => Settings): EdgeOptions['limits'] {
  let given: Settings['limits'] | undefined;
  let limits: ReturnType<EdgeOptions['limits']> | undefined;
  return () => {
    const now = settings().limits;
    if (limits === undefined || given !== now) {
      given = now;
      limits = {
        ...now,
        readingBytes: toHeapShare(now.readingBytes),
        readingBytesTotal: toHeapShare(now.readingBytesTotal),
        heldBytes: toHeapShare(now.heldBytes),
        heldBytesTotal: toHeapShare(now.heldBytesTotal),
        unreadBytes: toHeapShare(now.unreadBytes),
        unreadBytesTotal: toHeapShare(now.unreadBytesTotal),
      };
    }
    return limits;
  };
}

/** The pattern of the route; all paths without a route share one label. */
function toRouteLabel(c: Context<HttpEnv>): string {
  const isRoute = ({ method, path }: RouterRoute): boolean =>
    !(method === METHOD_NAME_ALL && path.endsWith('*'));
  return matchedRoutes(c).findLast(isRoute)?.path ?? 'unknown';
}
