// What a REST body must be before a route looks at it.
import { isJsonContentType } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { LARGE_BYTES } from '../../calls/large-json/large-json.ts';
import { DrawbridgeError } from '../../errors.ts';

/** Only calls of tools have large bodies; every other is parsed in place. */
export const refuseLargeBody: MiddlewareHandler = async (c, next) => {
  if (c.req.raw.body !== null && (await c.req.arrayBuffer()).byteLength > LARGE_BYTES) {
    throw new DrawbridgeError(
      'request/too_large',
      `The body of this request may have ${LARGE_BYTES} bytes.`,
    );
  }
  return next();
};

/** A body of another type would be passed over in silence, and the call carried out without its arguments. */
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
