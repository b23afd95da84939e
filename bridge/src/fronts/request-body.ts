// Reads a request's JSON body once, up to a limit, before any front looks at it.
import { isJsonContentType, readRequestBody } from '@modelcontextprotocol/server';
import { DrawbridgeError } from '../errors.ts';

/** Rejects with `request/invalid` or `request/too_large`; an empty body is undefined. */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const body = await readRequestBody(request, maxBytes);
  if (body.tooLarge) {
    throw new DrawbridgeError(
      'request/too_large',
      `The body is larger than ${maxBytes} bytes (drawbridge.limits.bodyBytes).`,
    );
  }
  if (body.text === '') return undefined;
  if (!isJsonContentType(request.headers.get('content-type'))) {
    throw new DrawbridgeError(
      'request/invalid',
      'The body must be JSON, with Content-Type: application/json.',
    );
  }
  try {
    return JSON.parse(body.text);
  } catch (error) {
    throw new DrawbridgeError('request/invalid', 'The body is not valid JSON.', { cause: error });
  }
}
