// The connections of programs to a proxy: which may stay when there are many, and whose turn it is on one.
// Any process of the machine can open them, so one that has shown no credentials gives way to the next;
// and requests that come in a row are answered in a row, so one connection never costs more than one host's.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests on one connection without an answer. Programs hardly send a second before the first's. */
const MOST_UNANSWERED = 16;

interface Connection {
  isKnown: boolean;
  /** The first is the one whose turn it is. */
  unanswered: Set<ServerResponse>;
  lastTurn: Promise<void>;
}

export interface ProxyConnections {
  add(socket: Socket): void;
  /** Its program has shown its credentials. */
  admit(socket: Socket): void;
  /** Answers when the connection's earlier requests have their answers. */
  takeTurn(message: { request: IncomingMessage; response: ServerResponse }, run: () => void): void;
  hasUnanswered(socket: Socket): boolean;
  /** Whether a word of the proxy's own would come amid an answer, or in place of another's. */
  isAnswering(socket: Socket): boolean;
}

/** Settles when the answer has gone out, or cannot any more. */
function whenOver(socket: Socket, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      socket.off('close', end);
      response.off('close', end);
      resolve();
    };
    socket.once('close', end);
    response.once('close', end);
  });
}

export function createProxyConnections(maxConnections: number): ProxyConnections {
  const connections = new Map<Socket, Connection>();

  const makeRoom = (): boolean => {
    if (connections.size < maxConnections) return true;
    for (const [socket, { isKnown }] of connections) {
      if (isKnown) continue;
      connections.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  };

  return {
    add(socket) {
      if (!makeRoom()) {
        socket.destroy();
        return;
      }
      const nothing = Promise.resolve();
      connections.set(socket, { isKnown: false, unanswered: new Set(), lastTurn: nothing });
      socket.once('close', () => connections.delete(socket));
    },
    admit(socket) {
      const connection = connections.get(socket);
      if (connection !== undefined) connection.isKnown = true;
    },
    takeTurn({ request: { socket }, response }, run) {
      const connection = connections.get(socket);
      if (connection === undefined || connection.unanswered.size >= MOST_UNANSWERED) {
        socket.destroy();
        return;
      }
      const { lastTurn, unanswered } = connection;
      unanswered.add(response);
      connection.lastTurn = lastTurn.then(async () => {
        // The answer before may have been the connection's last.
        if (!socket.writable) return;
        run();
        await whenOver(socket, response);
        unanswered.delete(response);
      });
    },
    hasUnanswered: (socket) => (connections.get(socket)?.unanswered.size ?? 0) > 0,
    isAnswering(socket) {
      const [first, second] = connections.get(socket)?.unanswered ?? [];
      return second !== undefined || first?.headersSent === true;
    },
  };
}
