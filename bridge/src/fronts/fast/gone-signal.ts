// Tells calls that their caller is gone. A modern call is cancelled by closing its response
// (2026-07-28, "Cancellation"), and with it goes the connection.
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';

const signals = new WeakMap<Socket, AbortSignal>();

/**
 * Aborts when the connection closes. One for all requests of a connection, because making one costs
 * as much as finding the caller.
 */
export function goneSignal(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known !== undefined) return known;
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  socket.once('close', () => abort.abort());
  if (socket.destroyed) abort.abort();
  signals.set(socket, abort.signal);
  return abort.signal;
}
