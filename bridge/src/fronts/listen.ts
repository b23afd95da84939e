// The socket: node:http, with the timeouts of a server that long streams go
// through. Node's 5 s keep-alive resets clients that reuse a connection, so it is 65 s here.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Edge } from '../edge/edge.ts';
import { PacedResponse } from '../edge/paced-response.ts';
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
  readonly edge: Pick<Edge, 'connected' | 'listener'>;
}

const GRACE_MS = 2_000;
/** For the head of a request, also of the first one of a connection. */
const HEAD_TIMEOUT_MS = 15_000;
const CHECK_MS = 1_000;

export async function listen({ host, port, edge }: ListenOptions): Promise<Listener> {
  let open = 0;
  let lastEnd = performance.now();
  const listener: Edge['listener'] = (request, response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
      lastEnd = performance.now();
    });
    edge.listener(request, response);
  };
  const options = {
    ServerResponse: PacedResponse,
    headersTimeout: HEAD_TIMEOUT_MS,
    // Bodies have a deadline of their own, from when they are read.
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: 65_000,
  };
  const server = createServer(options, listener);
  server.on('connection', edge.connected);
  // Who asks first whether to send a body is told when its key is known.
  server.on('checkContinue', listener);
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
