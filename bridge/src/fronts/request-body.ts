// Reads a request's JSON body once, up to a limit, before any front looks at it.
import { isJsonContentType, readRequestBody } from '@modelcontextprotocol/server';
import { LARGE_BYTES, SKELETON_BYTES, type SplitRequest } from '../calls/large-json/large-json.ts';
import { DrawbridgeError } from '../errors.ts';

export interface LargeBodies {
  /** The body, where it was read already. */
  readonly split: SplitRequest | undefined;
  readonly read: (bytes: Buffer) => Promise<SplitRequest>;
}

/** Rejects with `request/invalid` or `request/too_large`; an empty body is undefined. */
export async function readJsonBody(
  request: Request,
  maxBytes: number,
  { split, read }: LargeBodies,
): Promise<unknown> {
  if (split !== undefined) return fromSplit(split);
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
  if (body.text.length > LARGE_BYTES) return fromSplit(await read(Buffer.from(body.text)));
  try {
    return JSON.parse(body.text);
  } catch (error) {
    throw notJson(error);
  }
}

/** A large body without its arguments, which stay bytes. */
export function fromSplit(split: SplitRequest): unknown {
  switch (split.kind) {
    case 'split':
      return split.body;
    case 'not_json':
      throw notJson();
    case 'too_large':
      throw new DrawbridgeError(
        'request/too_large',
        `Beside its arguments a request may have ${SKELETON_BYTES} bytes.`,
      );
  }
}

function notJson(cause?: unknown): DrawbridgeError {
  return new DrawbridgeError('request/invalid', 'The body is not valid JSON.', { cause });
}
