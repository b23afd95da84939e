// Parses a request's JSON body, which the edge has read and weighed. A large one is parsed by the worker.
import { LARGE_BYTES, SKELETON_BYTES, type SplitRequest } from '../calls/large-json/large-json.ts';
import { DrawbridgeError } from '../errors.ts';
import { assertJsonType } from '../edge/http/body-guard.ts';
import type { Precomputed } from '../edge/http/precomputed.ts';

export interface BodyOptions extends Pick<Precomputed, 'json' | 'split'> {
  /** Takes the arguments out of a large body, in the worker. */
  readonly read: (bytes: Buffer) => Promise<SplitRequest>;
}

/** Rejects with `request/invalid` or `request/too_large`; an empty body is undefined. */
export async function readJsonBody(
  request: Request,
  { json, split, read }: BodyOptions,
): Promise<unknown> {
  if (json !== undefined) return json;
  if (split !== undefined) return fromSplit(split);
  const bytes = Buffer.from(await request.arrayBuffer());
  if (bytes.length === 0) return undefined;
  assertJsonType(request.headers.get('content-type'));
  if (bytes.length > LARGE_BYTES) return fromSplit(await read(bytes));
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw notJson(error);
  }
}

/** The parsed body of a large request; its arguments stay bytes (`LargeJson`). */
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
