// `/v1/servers`: the servers behind the bridge, their state, and what an operator can do with them.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import type { Principal } from '../principals/caller.ts';
import { DrawbridgeError } from '../errors.ts';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { json, problems, secured } from './openapi-responses.ts';

const serverSchema = z
  .object({
    name: z.string(),
    state: z.enum(['stopped', 'starting', 'ready', 'degraded', 'broken', 'disabled']),
    builtin: z.boolean(),
    transport: z.enum(['stdio', 'http', 'sse']),
    era: z.enum(['modern', 'legacy']).optional(),
    serverInfo: z.object({ name: z.string(), version: z.string() }).optional(),
    pids: z.array(z.number().int()),
    restarts: z.number().int(),
    inFlight: z.number().int(),
    lastError: z.string().optional(),
    retryAt: z.string().optional(),
    lastHealthyAt: z.string().optional(),
    toolCount: z.number().int(),
    withheldCount: z
      .number()
      .int()
      .openapi({ description: 'Definitions that a strict pin withholds' }),
    notes: z
      .array(z.string())
      .openapi({ description: 'What of its listing is not served, and why' }),
  })
  .openapi('Server');

/** A settings file whose text is not in force. */
const pendingSchema = z
  .object({
    path: z.string(),
    kind: z.enum(['new', 'changed', 'removed', 'broken']),
    message: z.string(),
  })
  .openapi('PendingSettings');

function toLastError(lastError: string | undefined): { lastError?: string } {
  return lastError === undefined ? {} : { lastError };
}

const nameParam = z.object({ name: z.string() });

export function addServerRoutes(
  app: OpenAPIHono<HttpEnv>,
  {
    upstreams,
    catalog,
    settings,
    approvals,
  }: Pick<HttpDeps, 'upstreams' | 'catalog' | 'settings' | 'approvals'>,
): void {
  const assertKnown = (name: string): void => {
    const names = upstreams.status().map((status) => status.name);
    if (!names.includes(name)) {
      throw new DrawbridgeError(
        'upstream/unknown',
        `There is no server ${name}; there are: ${names.join(', ') || 'none'}.`,
      );
    }
  };
  /** Members see that something is wrong, operators what. */
  const list = ({ role }: Principal) =>
    upstreams.status().map(({ lastIssue, lastError, pids, ...status }) => ({
      ...status,
      ...toLastError(role === 'operator' ? lastError : lastIssue),
      pids: role === 'operator' ? [...pids] : [],
      toolCount: catalog.list({ kind: 'server', name: status.name }).tools.length,
      withheldCount: approvals.count(status.name),
      notes: [...catalog.notes(status.name)],
    }));

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/servers',
      summary: 'List the servers and their states',
      ...secured,
      responses: {
        200: json(
          z.object({ servers: z.array(serverSchema), pendingSettings: pendingSchema.optional() }),
          'All servers, by name; for operators, what waits for `drawbridge allow`',
        ),
        ...problems(),
      },
    }),
    (c) => {
      const principal = c.get('principal');
      const servers = list(principal);
      const { pending } = settings();
      if (pending === undefined || principal.role !== 'operator') return c.json({ servers }, 200);
      const { path, kind, message } = pending;
      return c.json({ servers, pendingSettings: { path, kind, message } }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/servers/{name}/restart',
      summary: 'Stop a server and start it again',
      ...secured,
      request: { params: nameParam },
      responses: {
        200: json(serverSchema, 'Its state after the start'),
        ...problems(403, 404, 502, 503),
      },
    }),
    async (c) => {
      assertOperator(c.get('principal'));
      const { name } = c.req.valid('param');
      assertKnown(name);
      await upstreams.restart(name);
      const server = list(c.get('principal')).find((status) => status.name === name);
      if (server === undefined)
        throw new DrawbridgeError('upstream/unknown', `The server ${name} was removed meanwhile.`);
      return c.json(server, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/servers/{name}/logs',
      summary: 'The last lines that a server wrote to stderr',
      ...secured,
      request: { params: nameParam },
      responses: {
        200: json(z.object({ lines: z.array(z.string()) }), 'Oldest first'),
        ...problems(403, 404),
      },
    }),
    (c) => {
      assertOperator(c.get('principal'));
      const { name } = c.req.valid('param');
      assertKnown(name);
      return c.json({ lines: [...upstreams.logs(name)] }, 200);
    },
  );
}
