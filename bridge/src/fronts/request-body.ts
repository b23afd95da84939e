// A request's JSON body, which the edge has read and weighed.
import { isJsonContentType } from '@modelcontextprotocol/server';
import { DrawbridgeError } from '../errors.ts';

/** Rejects with `request/invalid`; an empty body is undefined. */
export async function parseJsonBody(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text === '') return undefined;
  if (!isJsonContentType(request.headers.get('content-type'))) {
    throw new DrawbridgeError(
      'request/invalid',
      'The body must be JSON, with Content-Type: application/json.',
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DrawbridgeError('request/invalid', 'The body is not valid JSON.', { cause: error });
  }
}
