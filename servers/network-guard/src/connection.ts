// Opens a connection to a host: resolves, checks, and connects to the very addresses that were checked.
// Names go no further than this file; what connects is given an address, so nothing resolves a second time.
import { connect as connectSocket, type Socket } from 'node:net';
import { ToolError } from '@drawbridge/kit';
import { toShownHost, type HostCheck } from './host-check.ts';

/** The host may be reached and cannot. */
export class UnreachableError extends ToolError {}

export interface ConnectOptions {
  hostname: string;
  port: number;
  signal: AbortSignal;
}

export type Connect = (options: ConnectOptions) => Promise<Socket>;

/** Addresses that are tried before the host counts as not answering. */
const MOST_TRIED = 6;

/** Milliseconds that one address may take while there are others. */
const ATTEMPT_MS = 2000;

/** IPv6 and IPv4 in turns, as a machine may have a way for one of them only (RFC 8305, section 4). */
function interleave(addresses: readonly string[]): string[] {
  const v6 = addresses.filter((address) => address.includes(':'));
  const v4 = addresses.filter((address) => !address.includes(':'));
  const [first, second] = addresses[0]?.includes(':') === true ? [v6, v4] : [v4, v6];
  return Array.from({ length: Math.max(v6.length, v4.length) }, (_, index) => [
    ...first.slice(index, index + 1),
    ...second.slice(index, index + 1),
  ]).flat();
}

interface Attempt {
  address: string;
  port: number;
  signal: AbortSignal;
  /** None for the last address, which has all the time that is left. */
  timeoutMs: number | undefined;
}

function connectOnce({ address, port, signal, timeoutMs }: Attempt): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connectSocket({ host: address, port, allowHalfOpen: true, noDelay: true });
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const stop = () => fail(signal.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => fail(new Error('The address did not answer.')), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.off('connect', succeed);
    };
    const succeed = () => {
      settle();
      resolve(socket);
    };
    // Stays: an error between two owners would end the process. Whoever owns the socket sees it close.
    socket.on('error', fail);
    socket.once('connect', succeed);
    signal.addEventListener('abort', stop, { once: true });
  });
}

export function createConnect(hosts: HostCheck): Connect {
  return async ({ hostname, port, signal }) => {
    const addresses = interleave(await hosts.resolveHost(hostname, { port, signal })).slice(
      0,
      MOST_TRIED,
    );
    let cause: unknown;
    for (const [index, address] of addresses.entries()) {
      const timeoutMs = index === addresses.length - 1 ? undefined : ATTEMPT_MS;
      try {
        return await connectOnce({ address, port, signal, timeoutMs });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        cause = error;
      }
    }
    throw new UnreachableError(`${toShownHost(hostname, port)} does not accept connections.`, {
      hint: 'later, or another address of the same content',
      cause,
    });
  };
}
