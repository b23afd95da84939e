// The requests that are not answered yet, and how long there has been none.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { DrainableMap } from '../flow/drainable-map.ts';
import type { PacedResponse } from './paced-response.ts';

export interface OpenRequests {
  add(request: IncomingMessage, response: PacedResponse): void;
  responses(): readonly PacedResponse[];
  requestOf(response: PacedResponse): IncomingMessage | undefined;
  /** Milliseconds since the last request ended; 0 while one is open. */
  idleMs(): number;
  /** Resolves when no request is open, or after `ms`. */
  untilEmpty(ms: number): Promise<void>;
}

export function createOpenRequests(): OpenRequests {
  const open = new DrainableMap<PacedResponse, IncomingMessage>();
  /** By connection: when it is lost, Node closes only the first of its pipelined responses. */
  const bySocket = new WeakMap<Socket, Set<PacedResponse>>();
  let lastEnd = performance.now();

  const remove = (socket: Socket, response: PacedResponse): void => {
    bySocket.get(socket)?.delete(response);
    lastEnd = performance.now();
    open.delete(response);
  };

  return {
    add(request, response) {
      const { socket } = request;
      let own = bySocket.get(socket);
      if (own === undefined) {
        const created = new Set<PacedResponse>();
        bySocket.set(socket, created);
        socket.once('close', () => {
          for (const lost of created) remove(socket, lost);
        });
        own = created;
      }
      own.add(response);
      open.set(response, request);
      response.once('close', () => remove(socket, response));
    },
    responses: () => open.keys(),
    requestOf: (response) => open.get(response),
    idleMs: () => (open.size > 0 ? 0 : performance.now() - lastEnd),
    untilEmpty: (ms) => open.untilEmpty(ms),
  };
}
