// Connections that have not shown a key yet. They are counted by address, and where there are too many
// the oldest is closed: who means to ask something does it at once, and who only holds a place loses
// it. Once the key is known, its principal is who counts.
import type { Socket } from 'node:net';

export interface UnknownConnections {
  add(socket: Socket): void;
  /** The key of this connection is known; it counts here no more. */
  remove(socket: Socket): void;
}

export interface UnknownConnectionsOptions {
  /** For one address; read each time, since settings change. */
  readonly limit: () => number;
  readonly onClose: (reason: string) => void;
}

/** Addresses are cheap in IPv6; all of them together may hold four times what one may. */
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
