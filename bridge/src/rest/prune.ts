// `POST /v1/prune`: removes old runs now, as the bridge does by itself every hour. The command `drawbridge prune`
// uses this route and no SQL of its own, so that one place knows which runs are still needed.
import { type OpenAPIHono, createRoute } from '@hono/zod-openapi';
import { pruneRequestSchema, removalSchema } from '@drawbridge/schemas';
import { assertOperator } from '../edge/http/authenticate.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';
import { json, named, problems, secured } from './openapi-responses.ts';

const removal = named(removalSchema, 'Removal');

export function addPruneRoute(
  app: OpenAPIHono<HttpEnv>,
  { runs: { retention } }: Pick<HttpDeps, 'runs'>,
): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/prune',
      summary: 'Remove old runs, or say which would go',
      description:
        'Events go a day at a time. A day in which a run began that is open, or was active lately, stays with all days after it.',
      ...secured,
      request: {
        body: { required: true, content: { 'application/json': { schema: pruneRequestSchema } } },
      },
      responses: {
        200: json(removal, 'What went, or would go'),
        ...problems(403, 409),
      },
    }),
    async (c) => {
      assertOperator(c.get('principal'));
      const { olderThanDays, dryRun } = c.req.valid('json');
      const limits = olderThanDays === undefined ? undefined : { days: olderThanDays };
      const { before, days, runs, bytes } = await (dryRun
        ? retention.plan(limits)
        : retention.run(limits));
      return c.json(
        {
          dryRun,
          before: before.toISOString(),
          days: days.map(({ day, bytes }) => ({ day: day.toISOString().slice(0, 10), bytes })),
          runs,
          bytes,
        },
        200,
      );
    },
  );
}
