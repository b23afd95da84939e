// What a bridge that stops says without anything behind it: no key is looked up and no body is read,
// because what they need may be gone already.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { toStopReason } from '../calls/call-gate.ts';
import { leaveUnread } from './leave-unread.ts';
import type { PacedResponse } from './paced-response.ts';
import { DrawbridgeError } from '../errors.ts';
import { toErrorAnswer } from './error-answer.ts';

/** Refuses a request that comes too late. */
export function sayStopping(request: IncomingMessage, response: PacedResponse): void {
  leaveUnread(request, response);
  say(request, response, toStopReason());
}

/** Ends a request that is not answered yet; an answer that has begun is cut off. */
export function sayInterrupted(request: IncomingMessage, response: PacedResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const message = 'The bridge stopped during the request; the outcome is unknown.';
  say(request, response, new DrawbridgeError('bridge/outcome_unknown', message));
}

function say(request: IncomingMessage, response: PacedResponse, error: DrawbridgeError): void {
  const path = (request.url ?? '').split('?', 1).join('');
  const { status, headers, body } = toErrorAnswer(error, { path, requestId: randomUUID() });
  response.writeHead(status, { ...headers, Connection: 'close' }).end(JSON.stringify(body));
}
