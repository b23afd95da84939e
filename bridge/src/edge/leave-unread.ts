// How a request is refused whose body was not read. The answer goes out and the connection closes, but
// not in the same moment: a connection that is closed over bytes it has not read is reset, and the
// caller may lose the answer with it.
import type { IncomingMessage } from 'node:http';
import type { PacedResponse } from './paced-response.ts';
import { onTooManyPieces } from './piece-limit.ts';

/** What is taken and thrown away, so that a small body doesn't break the answer. */
const MAX_BYTES = 256 * 1024;
/** How long the caller has to read the answer and to leave. */
const LINGER_MS = 500;

/** The answer to the request will be the last of its connection; its body is not read. */
export function leaveUnread(request: IncomingMessage, response: PacedResponse): void {
  response.shouldKeepAlive = false;
  // Who waits to be told to go on has sent nothing.
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
