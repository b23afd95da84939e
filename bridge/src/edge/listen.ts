// The socket: node:http, with the timeouts of a server that long streams go
// through. Node's 5 s keep-alive resets clients that reuse a connection, so it is 65 s here. It is the
// first to be refused to callers and the last to go: until the process ends, whoever asks is told why.
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Edge } from './edge.ts';
import { PacedResponse } from './paced-response.ts';
import { DrawbridgeError } from '../errors.ts';
import { CompactingMap } from '../flow/compacting-map.ts';
import { sayInterrupted, sayStopping } from './last-words.ts';
import { waitAtMost } from '../bounded-wait.ts';

export interface Listener {
  /** Where this machine reaches it. */
  readonly url: string;
  /** Milliseconds since the last request ended; 0 while one is open. */
  idleMs(): number;
  /** Asks callers to use no connection again. */
  noReuse(): void;
  /**
   * Waits until the open requests are answered; those that are not after this long, in milliseconds, are
   * told that the bridge stopped. What comes from then on is refused here, without anything behind it.
   */
  drain(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly edge: Pick<Edge, 'connected' | 'listener'>;
}

/** For the last words to leave. */
const LEAVING_MS = 200;
/** For the head of a request, also of the first one of a connection. */
const HEAD_TIMEOUT_MS = 15_000;
const CHECK_MS = 1_000;
/** Connections not accepted yet; who finds no room tries again after a second. The system has its own limit. */
const BACKLOG = 4_096;

export async function listen({ host, port, edge }: ListenOptions): Promise<Listener> {
  const open = new CompactingMap<PacedResponse, IncomingMessage>();
  let lastEnd = performance.now();
  let isLast = false;
  let isDraining = false;
  let onEmpty: (() => void) | undefined;
  /** Those of a connection that was lost: of pipelined requests only the first is told. */
  const openOf = new WeakMap<Socket, Set<PacedResponse>>();
  const leave = (socket: Socket, response: PacedResponse): void => {
    openOf.get(socket)?.delete(response);
    open.delete(response);
    lastEnd = performance.now();
    if (open.size === 0) onEmpty?.();
  };
  const enter = (request: IncomingMessage, response: PacedResponse): void => {
    const { socket } = request;
    let own = openOf.get(socket);
    if (own === undefined) {
      const created = new Set<PacedResponse>();
      openOf.set(socket, created);
      socket.once('close', () => {
        for (const lost of created) leave(socket, lost);
      });
      own = created;
    }
    own.add(response);
    open.set(response, request);
    response.once('close', () => leave(socket, response));
  };
  const listener: Edge['listener'] = (request, response) => {
    enter(request, response);
    if (isLast) response.shouldKeepAlive = false;
    if (isDraining) sayStopping(request, response);
    else edge.listener(request, response);
  };

  const untilEmpty = async (ms: number): Promise<void> => {
    if (open.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      onEmpty = resolve;
    });
    await waitAtMost(empty, ms);
    onEmpty = undefined;
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
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const address = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    url: toUrl(address),
    idleMs: () => (open.size > 0 ? 0 : performance.now() - lastEnd),
    noReuse() {
      isLast = true;
      for (const response of open.keys()) response.shouldKeepAlive = false;
    },
    async drain(withinMs) {
      await untilEmpty(withinMs);
      isDraining = true;
      for (const response of open.keys()) {
        const request = open.get(response);
        if (request !== undefined) sayInterrupted(request, response);
      }
      await untilEmpty(LEAVING_MS);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await untilEmpty(LEAVING_MS);
      server.closeAllConnections();
      await closed;
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
