// What a REST body must be before a route looks at it: JSON. Without this a body of another type would
// be passed over in silence, and the call carried out without its arguments.
import { isJsonContentType } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { DrawbridgeError } from '../errors.ts';

export const requireJson: MiddlewareHandler = (c, next) => {
  const hasBody =
    c.req.header('transfer-encoding') !== undefined ||
    Number(c.req.header('content-length') ?? 0) > 0;
  if (hasBody && !isJsonContentType(c.req.header('content-type'))) {
    throw new DrawbridgeError(
      'request/invalid',
      'The body must be JSON, with Content-Type: application/json.',
    );
  }
  return next();
};
