// What a REST body must be before a route looks at it: JSON, and not too large. Without this a body of
// another type would be passed over in silence, and the call carried out without its arguments.
import { isJsonContentType } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { DrawbridgeError } from '../errors.ts';

export function createBodyGuard(maxBytes: () => number): MiddlewareHandler {
  return (c, next) => {
    const hasBody =
      c.req.header('transfer-encoding') !== undefined ||
      Number(c.req.header('content-length') ?? 0) > 0;
    if (!hasBody) return next();
    if (!isJsonContentType(c.req.header('content-type'))) {
      throw new DrawbridgeError(
        'request/invalid',
        'The body must be JSON, with Content-Type: application/json.',
      );
    }
    const maxSize = maxBytes();
    const guard = bodyLimit({
      maxSize,
      onError() {
        throw new DrawbridgeError(
          'request/too_large',
          `The body is larger than ${maxSize} bytes (drawbridge.limits.bodyBytes).`,
        );
      },
    });
    return guard(c, next);
  };
}
