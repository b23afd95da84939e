// `/v1/keys` and `/v1/users`: the tenant's API keys and users. A key is shown once, when it is made; only its
// hash is kept.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { keyListSchema, keyRequestSchema, keySchema, newKeySchema } from '@drawbridge/schemas';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { json, named, problems, secured } from './openapi-responses.ts';

const key = named(keySchema, 'Key');

export function addKeyRoutes(
  app: OpenAPIHono<HttpEnv>,
  { principals, audit }: Pick<HttpDeps, 'principals' | 'audit'>,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/keys',
      summary: 'List the keys of the tenant',
      ...secured,
      responses: {
        200: json(
          keyListSchema.extend({ keys: z.array(key) }),
          'Newest first, without the keys themselves',
        ),
        ...problems(403),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const keys = await principals.listKeys(principal.tenantId);
      return c.json(
        {
          keys: keys.map(({ createdAt, lastUsedAt, expiresAt, revokedAt, ...rest }) => ({
            ...rest,
            createdAt: createdAt.toISOString(),
            ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
            ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
            ...(revokedAt && { revokedAt: revokedAt.toISOString() }),
          })),
        },
        200,
      );
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/keys',
      summary: 'Make a key',
      ...secured,
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: keyRequestSchema,
            },
          },
        },
      },
      responses: {
        201: json(newKeySchema, 'The key, shown this once'),
        ...problems(403, 409),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const { expiresAt, user, ...rest } = c.req.valid('json');
      const made = await principals.createKey(principal.tenantId, {
        ...rest,
        ...(user !== undefined && { user }),
        ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
      });
      await audit({
        type: 'auth.key_created',
        payload: { keyId: made.id, by: principal.id, ...rest, ...(user !== undefined && { user }) },
      });
      return c.json(made, 201, { 'Cache-Control': 'no-store' });
    },
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/keys/{id}',
      summary: 'Revoke a key',
      ...secured,
      request: { params: z.object({ id: z.uuid() }) },
      responses: {
        204: { description: 'Revoked; it is refused from now on' },
        ...problems(403, 404),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const keyId = c.req.valid('param').id;
      await principals.revokeKey(principal.tenantId, keyId);
      await audit({ type: 'auth.key_revoked', payload: { keyId, by: principal.id } });
      return c.body(null, 204);
    },
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/users/{name}',
      summary: 'Disable a user',
      description:
        'All keys of the user are refused from then on, and the name is not given again.',
      ...secured,
      request: { params: z.object({ name: z.string() }) },
      responses: {
        204: { description: 'Disabled; its keys are refused from now on' },
        ...problems(403, 404),
      },
    }),
    async (c) => {
      const principal = c.get('principal');
      assertOperator(principal);
      const { name: user } = c.req.valid('param');
      await principals.disableUser(principal.tenantId, user);
      await audit({ type: 'auth.user_disabled', payload: { user, by: principal.id } });
      return c.body(null, 204);
    },
  );
}
