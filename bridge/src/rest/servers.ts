// `/v1/servers`: the servers behind the bridge and their states; for operators, their restart and stderr.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import {
  pendingSettingsSchema,
  serverListSchema,
  serverLogSchema,
  serverSchema,
} from '@drawbridge/schemas';
import type { Principal } from '../principals/caller.ts';
import { DrawbridgeError } from '../errors.ts';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { json, named, problems, secured } from './openapi-responses.ts';

const server = named(serverSchema, 'Server');
const serverList = serverListSchema.extend({
  servers: z.array(server),
  pendingSettings: named(pendingSettingsSchema, 'PendingSettings').optional(),
});

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
  /** Members see that something is wrong; operators see the error itself. */
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
          serverList,
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
        200: json(server, 'Its state after the start'),
        ...problems(403, 404, 502, 503),
      },
    }),
    async (c) => {
      assertOperator(c.get('principal'));
      const { name } = c.req.valid('param');
      assertKnown(name);
      await upstreams.restart(name);
      const restarted = list(c.get('principal')).find((status) => status.name === name);
      if (restarted === undefined)
        throw new DrawbridgeError('upstream/unknown', `The server ${name} was removed meanwhile.`);
      return c.json(restarted, 200);
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
        200: json(serverLogSchema, 'Oldest first'),
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
