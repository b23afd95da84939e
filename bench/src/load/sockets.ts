// A connection of its own for each caller, made when it first calls.
import { createHttpSocket, type HttpAnswer, type HttpSocket } from './http-socket.ts';
import { toToken } from './connection.ts';

export interface Sockets {
  of(slot: number): HttpSocket;
  closeAll(): void;
}

export function createSockets(url: URL): Sockets {
  const sockets: HttpSocket[] = [];
  return {
    of: (slot) => (sockets[slot] ??= createHttpSocket(url)),
    closeAll() {
      for (const socket of sockets) socket?.close();
      sockets.length = 0;
    },
  };
}

/** @throws Error where the answer is not the text that this seed asked for, first of all an error */
export function assertAnswer({ status, body }: HttpAnswer, seed: number): void {
  if (status === 200 && body.includes(toToken(seed))) return;
  throw new Error(`A call was answered with ${status}: ${body.toString('latin1', 0, 300)}`);
}
