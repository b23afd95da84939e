// The answers that the socket gives by itself while the bridge stops. No key is looked up and no body is
// read, because the parts that would do so may be closed already.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { toStopReason } from '../calls/call-gate.ts';
import { leaveUnread } from './leave-unread.ts';
import type { PacedResponse } from './paced-response.ts';
import { DrawbridgeError } from '../errors.ts';
import { toErrorAnswer } from './error-answer.ts';

/** Refuses a request that comes too late. */
export function answerStopping(request: IncomingMessage, response: PacedResponse): void {
  leaveUnread(request, response);
  answer(request, response, toStopReason());
}

/** Ends a request that is not answered yet; an answer that has begun is cut off. */
export function answerInterrupted(request: IncomingMessage, response: PacedResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const message = 'The bridge stopped during the request; the outcome is unknown.';
  answer(request, response, new DrawbridgeError('bridge/outcome_unknown', message));
}

function answer(request: IncomingMessage, response: PacedResponse, error: DrawbridgeError): void {
  const path = (request.url ?? '').split('?', 1).join('');
  const { status, headers, body } = toErrorAnswer(error, { path, requestId: randomUUID() });
  response.writeHead(status, { ...headers, Connection: 'close' }).end(JSON.stringify(body));
}
