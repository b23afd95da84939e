// What the descriptions of the REST routes share: the key, the errors, the pages.
import { z } from '@hono/zod-openapi';

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    details: z.unknown().optional(),
  })
  .openapi('Problem');

const problemContent = { 'application/problem+json': { schema: problemSchema } };

/** Answers that every route can give, and those named. */
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

export const nextCursor = z.string().optional();
