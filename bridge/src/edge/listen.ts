// The listening socket: node:http, with timeouts that suit long streams. Node's keep-alive of 5 s resets
// clients that reuse a connection, so it is 65 s here. At a stop the socket closes last: until then it
// answers every request, and says that the bridge is stopping.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Edge } from './edge.ts';
import { createOpenRequests } from './open-requests.ts';
import { PacedResponse } from './paced-response.ts';
import { DrawbridgeError } from '../errors.ts';
import { answerInterrupted, answerStopping } from './stop-answers.ts';

export interface Listener {
  /** The URL at which this machine reaches it. */
  readonly url: string;
  /** Milliseconds since the last request ended; 0 while one is open. */
  idleMs(): number;
  /** Closes each connection with the next answer on it. */
  noReuse(): void;
  /**
   * Waits until the open requests are answered. After `withinMs` milliseconds it answers the others itself:
   * the bridge stopped. From then on it refuses every request without asking the edge.
   */
  drain(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly edge: Pick<Edge, 'connected' | 'listener'>;
}

/** For the last answers to be sent. */
const LEAVING_MS = 200;
/** For the head of a request to come in, also of a connection's first one. */
const HEAD_TIMEOUT_MS = 15_000;
const CHECK_MS = 1_000;
/** Connections not accepted yet; beyond it TCP tries again after a second. The system has a limit of its own. */
const BACKLOG = 4_096;

export async function listen({ host, port, edge }: ListenOptions): Promise<Listener> {
  const open = createOpenRequests();
  let mayReuse = true;
  let isDraining = false;
  const listener: Edge['listener'] = (request, response) => {
    open.add(request, response);
    if (!mayReuse) response.shouldKeepAlive = false;
    if (isDraining) answerStopping(request, response);
    else edge.listener(request, response);
  };

  const options = {
    ServerResponse: PacedResponse,
    headersTimeout: HEAD_TIMEOUT_MS,
    // Bodies have a deadline of their own (read-body.ts).
    requestTimeout: 0,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: 65_000,
  };
  const server = createServer(options, listener);
  server.on('connection', edge.connected);
  // `Expect: 100-continue` is answered once the key is known.
  server.on('checkContinue', listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(toListenError(error, host, port)),
    );
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const address = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    url: toUrl(address),
    idleMs: open.idleMs,
    noReuse() {
      mayReuse = false;
      for (const response of open.responses()) response.shouldKeepAlive = false;
    },
    async drain(withinMs) {
      await open.untilEmpty(withinMs);
      isDraining = true;
      for (const response of open.responses()) {
        const request = open.requestOf(response);
        if (request !== undefined) answerInterrupted(request, response);
      }
      await open.untilEmpty(LEAVING_MS);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await open.untilEmpty(LEAVING_MS);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A wildcard address becomes loopback, since no request may name a wildcard as its host. */
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
