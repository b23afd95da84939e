// Limits the connections that have sent no known key yet, by address. Beyond the limit the oldest is closed:
// a client that has a request sends it at once, and one that only holds connections loses them. Once its key
// is known, a connection counts for its principal (unread-answers.ts).
import type { Socket } from 'node:net';

export interface UnknownConnections {
  add(socket: Socket): void;
  /** Stops counting a connection whose key is known. */
  remove(socket: Socket): void;
}

export interface UnknownConnectionsOptions {
  /** For one address; read each time, since settings change. */
  readonly limit: () => number;
  readonly onClose: (reason: string) => void;
}

/** IPv6 addresses are cheap, so all addresses together may have only four times what one may. */
const ADDRESSES = 4;

export function createUnknownConnections({
  limit,
  onClose,
}: UnknownConnectionsOptions): UnknownConnections {
  const all = new Set<Socket>();
  const byAddress = new Map<string, Set<Socket>>();
  const addresses = new WeakMap<Socket, string>();

  const remove = (socket: Socket): void => {
    if (!all.delete(socket)) return;
    const address = addresses.get(socket) ?? '';
    const same = byAddress.get(address);
    same?.delete(socket);
    if (same?.size === 0) byAddress.delete(address);
  };
  const closeOldest = (sockets: ReadonlySet<Socket>, reason: string): void => {
    const [oldest] = sockets;
    if (oldest === undefined) return;
    remove(oldest);
    oldest.destroy();
    onClose(reason);
  };

  return {
    add(socket) {
      const address = socket.remoteAddress ?? '';
      const same = byAddress.get(address) ?? new Set();
      byAddress.set(address, same.add(socket));
      addresses.set(socket, address);
      all.add(socket);
      socket.once('close', () => remove(socket));
      if (same.size > limit()) closeOldest(same, 'too many of its address showed no key');
      if (all.size > limit() * ADDRESSES) closeOldest(all, 'too many showed no key');
    },
    remove,
  };
}
