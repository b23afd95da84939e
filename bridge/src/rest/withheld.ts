// `/v1/servers/{name}/withheld` and `…/allow`, for operators: lists the definitions that a strict pin withholds,
// and allows them. An allowed definition is named by the hash that was shown, so that nothing unseen is allowed.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import {
  MAX_ALLOWED_AT_ONCE,
  allowRequestSchema,
  allowedSchema,
  definitionKeySchema,
  withheldDefinitionSchema,
  withheldPageSchema,
} from '@drawbridge/schemas';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { json, named, pageQuery, problems, secured } from './openapi-responses.ts';

const definitionKey = named(definitionKeySchema, 'DefinitionKey');
const withheldDefinition = definitionKey
  .extend(withheldDefinitionSchema.shape)
  .openapi('WithheldDefinition');
const allowRequest = allowRequestSchema.extend({
  definitions: z.array(definitionKey).min(1).max(MAX_ALLOWED_AT_ONCE),
});
const nameParam = z.object({ name: z.string() });

export function addWithheldRoutes(
  app: OpenAPIHono<HttpEnv>,
  { approvals, ready }: Pick<HttpDeps, 'approvals' | 'ready'>,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/servers/{name}/withheld',
      summary: 'Definitions that a strict pin withholds',
      ...secured,
      request: { params: nameParam, query: pageQuery },
      responses: {
        200: json(
          withheldPageSchema.extend({ definitions: z.array(withheldDefinition) }),
          'New and changed definitions, in the order of the server',
        ),
        ...problems(403, 404),
      },
    }),
    async (c) => {
      assertOperator(c.get('principal'));
      await ready();
      const { name } = c.req.valid('param');
      const { cursor, limit } = c.req.valid('query');
      const { definitions, next } = await approvals.list(name, { after: cursor, limit });
      return c.json(
        { definitions: [...definitions], ...(next !== undefined && { nextCursor: next }) },
        200,
      );
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/servers/{name}/allow',
      summary: 'Let withheld definitions through',
      description:
        'Each is named by its hash. One that is not withheld any more, or whose definition has changed since, is not let through.',
      ...secured,
      request: {
        params: nameParam,
        body: {
          required: true,
          content: {
            'application/json': {
              schema: allowRequest,
            },
          },
        },
      },
      responses: {
        200: json(
          allowedSchema.extend({ allowed: z.array(definitionKey) }),
          'Those that were let through',
        ),
        ...problems(403, 404),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const { name } = c.req.valid('param');
      const { definitions } = c.req.valid('json');
      const allowed = await approvals.allow(name, definitions, principal.id);
      return c.json({ allowed: [...allowed] }, 200);
    },
  );
}
