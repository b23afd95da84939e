// The socket: node:http, with the timeouts of a server that long streams go
// through. Node's 5 s keep-alive resets clients that reuse a connection, so it is 65 s here.
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DrawbridgeError } from '../errors.ts';

export interface Listener {
  /** Where this machine reaches it. */
  readonly url: string;
  /** Milliseconds since the last request ended; 0 while one is open. */
  idleMs(): number;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
}

const GRACE_MS = 2_000;

export async function listen({ host, port, listener }: ListenOptions): Promise<Listener> {
  let open = 0;
  let lastEnd = performance.now();
  const server = createServer((request, response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
      lastEnd = performance.now();
    });
    listener(request, response);
  });
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(toListenError(error, host, port)),
    );
    server.listen({ host, port }, resolve);
  });
  const address = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    url: toUrl(address),
    idleMs: () => (open > 0 ? 0 : performance.now() - lastEnd),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Who listens on all addresses is asked on loopback: a wildcard is no host that a request may name. */
function toUrl({ address, family, port }: AddressInfo): string {
  if (family !== 'IPv6') return `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`;
  return `http://[${address === '::' ? '::1' : address}]:${port}`;
}

function toListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES' && error.code !== 'EADDRNOTAVAIL')
    return error;
  const reasons = {
    EADDRINUSE: 'another program uses it',
    EACCES: 'this user may not',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  return new DrawbridgeError(
    'settings/invalid',
    `Cannot listen on ${host}:${port}: ${reasons[error.code]}. Set DRAWBRIDGE_PORT or DRAWBRIDGE_HOST, or --port and --host.`,
    { cause: error },
  );
}
