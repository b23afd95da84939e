// The signal that aborts a fast call: its connection closed, its key ended, or the bridge stops. A modern client
// cancels a call by closing its response (2026-07-28, "Cancellation"), which closes the connection. A legacy
// client "SHOULD" send a notification instead (2025-11-25, Transports); when its connection closes without one,
// nobody can be answered any more, so its call ends too.
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { Principal } from '../principals/caller.ts';
import type { Principals } from '../principals/principals.ts';

const signals = new WeakMap<Socket, Map<string, AbortSignal>>();

/**
 * Aborts when the connection closes, or when the key is no longer good, with the reason. Requests with the same
 * key on one connection share a signal, because making one costs as much as finding the caller.
 */
export function goneSignal(
  socket: Socket,
  principal: Principal,
  { hold }: Pick<Principals, 'hold'>,
): AbortSignal {
  const known = signals.get(socket);
  const mine = known?.get(principal.keyId);
  if (mine !== undefined) return mine;
  const byKey = known ?? new Map<string, AbortSignal>();
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const release = hold(principal, (reason) => {
    byKey.delete(principal.keyId);
    abort.abort(reason);
  });
  socket.once('close', () => {
    release();
    abort.abort();
  });
  if (socket.destroyed) {
    release();
    abort.abort();
  }
  byKey.set(principal.keyId, abort.signal);
  signals.set(socket, byKey);
  return abort.signal;
}
