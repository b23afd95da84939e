// Limits reads whose answers may be many megabytes, such as artifacts and pages of events. They are read whole
// into memory before they are sent, so each principal may have only a few until its callers have received them.
import type { MiddlewareHandler } from 'hono';
import { createBudget } from '../edge/budget.ts';
import { wantsEventStream } from '../edge/http/sse.ts';
import type { HttpEnv } from '../edge/http/http-env.ts';

/** Large answers under way. */
const LIMITS = { own: 4, all: 16 };
const WAIT_MS = 10_000;

export function createLargeReads(): MiddlewareHandler<HttpEnv> {
  const budget = createBudget({ of: 'large answers', limits: () => LIMITS, waitMs: WAIT_MS });
  return async (c, next) => {
    if (c.req.method !== 'GET' || wantsEventStream(c.req.header('accept'))) return next();
    const release = await budget.take(c.get('principal').id, 1, c.req.raw.signal);
    const { outgoing } = c.env;
    if (outgoing === undefined || outgoing.destroyed) release();
    else outgoing.once('close', release);
    return next();
  };
}
