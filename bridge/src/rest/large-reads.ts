// Routes whose answers may be many megabytes, as artifacts and pages of events are. They are read whole
// before they are sent, so only a few of one principal are under way, until their callers have them.
import type { MiddlewareHandler } from 'hono';
import { createBudget } from '../edge/budget.ts';
import type { HttpEnv } from '../edge/http/http-env.ts';

/** Answers that one principal, and all of them, may have under way. */
const MOST = { own: 4, all: 16 };
const WAIT_MS = 10_000;

export function createLargeReads(): MiddlewareHandler<HttpEnv> {
  const room = createBudget({ of: 'large answers', limits: () => MOST, waitMs: WAIT_MS });
  return async (c, next) => {
    const isStream = c.req.header('accept')?.includes('text/event-stream') ?? false;
    if (c.req.method !== 'GET' || isStream) return next();
    const release = await room.take(c.get('principal').id, 1, c.req.raw.signal);
    const { outgoing } = c.env;
    if (outgoing === undefined || outgoing.destroyed) release();
    else outgoing.once('close', release);
    return next();
  };
}
