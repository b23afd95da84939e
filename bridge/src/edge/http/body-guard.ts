// Checks of a REST body before its route sees it.
import { isJsonContentType } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { LARGE_BYTES } from '../../calls/large-json/large-json.ts';
import { DrawbridgeError } from '../../errors.ts';

/** Only tool calls may have large bodies; all others are parsed on the event loop. */
export const refuseLargeBody: MiddlewareHandler = async (c, next) => {
  if (c.req.raw.body !== null && (await c.req.arrayBuffer()).byteLength > LARGE_BYTES) {
    throw new DrawbridgeError(
      'request/too_large',
      `The body of this request may have ${LARGE_BYTES} bytes.`,
    );
  }
  return next();
};

/** Hono ignores a body of another type, and the call would be carried out without its arguments. */
export const requireJson: MiddlewareHandler = (c, next) => {
  const hasBody =
    c.req.header('transfer-encoding') !== undefined ||
    Number(c.req.header('content-length') ?? 0) > 0;
  if (hasBody) assertJsonType(c.req.header('content-type'));
  return next();
};

/** Throws `request/invalid` for a body of another type. */
export function assertJsonType(contentType: string | null | undefined): void {
  if (isJsonContentType(contentType)) return;
  throw new DrawbridgeError(
    'request/invalid',
    'The body must be JSON, with Content-Type: application/json.',
  );
}
