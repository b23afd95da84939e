// Handles the requests of one connection one after the other. Node hands on a pipelined request as soon as it
// is read. Here it waits until the answer before it has been sent, and meanwhile nothing more is read from
// the connection. So a caller that sends requests and reads no answers has one answer made, not a thousand.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type RequestHandler<T extends ServerResponse> = (
  request: IncomingMessage,
  response: T,
) => void;

export interface OneByOneOptions<T extends ServerResponse> {
  readonly handle: RequestHandler<T>;
  readonly onClose: (reason: string) => void;
}

/** More ordinary requests than one read of a connection can bring; a client never sends as many. */
const MAX_WAITING = 256;

interface Connection<T> {
  isBusy: boolean;
  readonly waiting: { readonly request: IncomingMessage; readonly response: T }[];
}

export function oneByOne<T extends ServerResponse>({
  handle,
  onClose,
}: OneByOneOptions<T>): RequestHandler<T> {
  const connections = new WeakMap<Socket, Connection<T>>();

  const connectionOf = (socket: Socket): Connection<T> => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection<T> = { isBusy: false, waiting: [] };
    connections.set(socket, connection);
    socket.once('close', () => (connection.waiting.length = 0));
    // Node resumes the socket after each request; while one waits here, it is paused again.
    socket.on('resume', () => connection.waiting.length > 0 && socket.pause());
    return connection;
  };
  const begin = (connection: Connection<T>, request: IncomingMessage, response: T): void => {
    connection.isBusy = true;
    response.once('close', () => {
      connection.isBusy = false;
      const next = connection.waiting.shift();
      if (next === undefined || request.socket.destroyed) return;
      if (connection.waiting.length === 0) request.socket.resume();
      begin(connection, next.request, next.response);
    });
    handle(request, response);
  };

  return (request, response) => {
    const { socket } = request;
    const connection = connectionOf(socket);
    if (!connection.isBusy) {
      begin(connection, request, response);
      return;
    }
    if (socket.destroyed) return;
    connection.waiting.push({ request, response });
    socket.pause();
    if (connection.waiting.length > MAX_WAITING) {
      socket.destroy();
      onClose('it sent too many requests at once');
    }
  };
}
