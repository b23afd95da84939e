// Refuses a request without reading its body. The connection closes after the answer, but not at once: a
// connection that is closed with unread bytes is reset, and the caller may lose the answer.
import type { IncomingMessage } from 'node:http';
import type { PacedResponse } from './paced-response.ts';
import { onTooManyPieces } from './piece-limit.ts';

/** Bytes of the body that are taken and dropped meanwhile. */
const MAX_BYTES = 256 * 1024;
/** How long the caller has to read the answer and close the connection. */
const LINGER_MS = 500;

/** Makes the answer to the request the last one of its connection. */
export function leaveUnread(request: IncomingMessage, response: PacedResponse): void {
  response.shouldKeepAlive = false;
  // A caller that waits for `100 Continue` has sent nothing.
  if (request.complete || expectsContinue(request)) return;
  response.holdEnd((end) => {
    let bytes = 0;
    const timer = setTimeout(done, LINGER_MS);
    function done(): void {
      clearTimeout(timer);
      request.off('data', onData).off('end', done).off('close', done).off('error', done);
      end();
    }
    function onData(part: Buffer): void {
      bytes += part.length;
      if (bytes > MAX_BYTES) request.pause();
    }
    request.on('data', onData).on('end', done).on('close', done).on('error', done);
    request.resume();
    onTooManyPieces(request, done);
  });
}

export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect?.toLowerCase() === '100-continue';
}
