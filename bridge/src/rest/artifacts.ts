// `/v1/artifacts/{sha256}`: bodies that were too large for an event, by their hash.
import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { DrawbridgeError } from '../errors.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { problems, secured } from './openapi-responses.ts';

export function addArtifactRoutes(
  app: OpenAPIHono<HttpEnv>,
  { runs }: Pick<HttpDeps, 'runs'>,
): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/artifacts/{sha256}',
      summary: 'Read a large body of an event',
      description:
        'Content addressed, so it never changes: the answer carries an ETag and may be cached. A member reads what an event of a run of theirs names.',
      ...secured,
      request: { params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }) },
      responses: {
        200: {
          description: 'The body, with its media type',
          content: { '*/*': { schema: z.string() } },
        },
        ...problems(404),
      },
    }),
    async (c) => {
      const { sha256 } = c.req.valid('param');
      const { tenantId, role, id } = c.get('principal');
      const namedBy = role === 'operator' ? undefined : id;
      const artifact = await runs.reader.artifact(tenantId, sha256, namedBy);
      if (artifact === undefined) {
        throw new DrawbridgeError('artifact/unknown', `There is no artifact ${sha256}.`);
      }
      return c.body(new Uint8Array(artifact.body), 200, {
        'Content-Type': artifact.mediaType,
        'Content-Disposition': 'attachment',
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'private, max-age=31536000, immutable',
        ETag: `"${sha256}"`,
      });
    },
  );
}
