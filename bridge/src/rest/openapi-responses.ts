// Shared parts of the routes' OpenAPI descriptions: the key, the errors, the pages.
import { z } from '@hono/zod-openapi';
import { problemSchema } from '@drawbridge/schemas';

/** A copy of a schema with a name in the description; zod-openapi names only schemas made after it was loaded. */
export function named<T extends z.ZodType>(schema: T, name: string): T {
  return schema.clone().openapi(name);
}

const problemContent = { 'application/problem+json': { schema: named(problemSchema, 'Problem') } };

/** The errors that every route can answer with, and those of the given statuses. */
export function problems(
  ...statuses: (403 | 404 | 409 | 410 | 422 | 429 | 499 | 502 | 503 | 504)[]
) {
  const all = [400, 401, ...statuses];
  return Object.fromEntries(
    all.map((status) => [
      status,
      { description: 'A problem document (RFC 9457)', content: problemContent },
    ]),
  );
}

export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

export const secured = { security: [{ key: [] }] };

export const pageQuery = z.object({
  cursor: z.string().optional().openapi({ description: 'nextCursor of the page before' }),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});
