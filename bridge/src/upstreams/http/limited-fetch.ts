// The fetch that HTTP upstreams use: bodies are bounded (an event stream per event, anything else as a
// whole), and the request that was cut off is named to the transport, so that its call alone fails.
import type { FetchLike } from '@modelcontextprotocol/client';

import type { LargeMessages } from './large-messages.ts';

/** Set by the transport on each request and taken off here; it never reaches the wire. */
export const REQUEST_ID_HEADER = 'drawbridge-request';

export interface LimitedFetchOptions {
  readonly fetch: FetchLike;
  readonly maxBytes: number;
  /** `requestId` is undefined for streams that belong to no request. */
  readonly onTooLarge: (requestId: string | undefined) => void;
  readonly large: LargeMessages;
  /** A body with large arguments in their place. */
  readonly fill: (body: string) => string | Uint8Array<ArrayBuffer>;
}

export function createLimitedFetch(options: LimitedFetchOptions): FetchLike {
  return async (url, init) => {
    const headers = new Headers(init?.headers);
    const requestId = headers.get(REQUEST_ID_HEADER) ?? undefined;
    headers.delete(REQUEST_ID_HEADER);
    const body = typeof init?.body === 'string' ? options.fill(init.body) : init?.body;
    const response = await options.fetch(url, { ...init, headers, ...(body != null && { body }) });
    if (response.body === null) return response;
    const isEventStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const counter = isEventStream === true ? eventBytes() : wholeBytes();
    const limitedBody = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          if (counter(chunk) <= options.maxBytes) {
            controller.enqueue(chunk);
            return;
          }
          options.onTooLarge(requestId);
          controller.error(new Error(`the body is larger than ${options.maxBytes} bytes`));
        },
      }),
    );
    const { large } = options;
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const read =
      isEventStream === true
        ? limitedBody.pipeThrough(large.events())
        : isJson
          ? limitedBody.pipeThrough(large.body())
          : limitedBody;
    const limited = new Response(read, response);
    // `new Response` forgets the URL, which the SDK reads to explain a redirect.
    Object.defineProperty(limited, 'url', { value: response.url });
    return limited;
  };
}

type Counter = (chunk: Uint8Array) => number;

function wholeBytes(): Counter {
  let bytes = 0;
  return (chunk) => (bytes += chunk.length);
}

/** Bytes of the event under way: an empty line ends an event (HTML, "Server-sent events"). */
function eventBytes(): Counter {
  let bytes = 0;
  let lineIsEmpty = true;
  const LF = 10;
  const CR = 13;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(LF, start); end !== -1; end = chunk.indexOf(LF, start)) {
      const isBlank = end === start || (end === start + 1 && chunk[start] === CR);
      bytes = isBlank && lineIsEmpty ? 0 : bytes + (end + 1 - start);
      lineIsEmpty = true;
      start = end + 1;
    }
    const rest = chunk.length - start;
    if (rest > 0) {
      bytes += rest;
      lineIsEmpty = rest === 1 && chunk[start] === CR;
    }
    return bytes;
  };
}
