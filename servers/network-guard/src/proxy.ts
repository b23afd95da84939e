// A proxy on loopback for programs that speak to the network themselves: git, a browser. Any process of
// the machine can reach its port, so each start has its own user and password, and nothing is done for
// who does not show them.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ToolError } from '@drawbridge/kit';
import { UnreachableError, type Connect } from './connection.ts';
import { createProxyConnections } from './proxy-connections.ts';
import { createForward } from './proxy-forward.ts';
import { toAnswer, toProblem, writeProblem } from './proxy-problem.ts';
import { MAX_HEADER_BYTES, type ProxyRun } from './proxy-run.ts';
import { openTunnel } from './proxy-tunnel.ts';

export interface ProxyOptions {
  /** Connections of programs at once; 128 unless given. Those without credentials give way. */
  maxConnections?: number;
  /** Milliseconds without a byte in either direction after which a connection ends; 120,000 unless given. */
  idleMs?: number;
  /** Milliseconds for resolving and connecting; 20,000 unless given. */
  connectMs?: number;
  /** Told what was refused, as programs show little of it; `target` is `host:port`. */
  onRefused?: (refused: { target: string; error: ToolError }) => void;
}

export interface Proxy {
  /** With user and password, for `http_proxy` and the like. */
  url: string;
  /** Ends every connection. */
  close(): Promise<void>;
}

export interface ProxyContext {
  checkUrl: (url: string) => URL;
  connect: Connect;
  onListening: (port: number) => void;
}

const HEADERS_MS = 10_000;
const CHECK_MS = 2000;
const KEEP_ALIVE_MS = 5000;
const USER = 'drawbridge';
const UNKNOWN = toProblem(407, 'The proxy needs its user and password.');

function toDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Compares in a time that says nothing of how much was right. */
function createCredentialCheck(expected: string): (request: IncomingMessage) => boolean {
  const digest = toDigest(expected);
  return ({ headers }) => {
    const [, given] =
      /^basic +([a-z0-9+/=_-]+) *$/i.exec(headers['proxy-authorization'] ?? '') ?? [];
    const text = given === undefined ? '' : Buffer.from(given, 'base64').toString('utf8');
    return timingSafeEqual(toDigest(text), digest);
  };
}

/** @throws the system's error when no port is free */
export async function openProxy(options: ProxyOptions, context: ProxyContext): Promise<Proxy> {
  const { maxConnections = 128, idleMs = 120_000, connectMs = 20_000, onRefused } = options;
  const { checkUrl, connect, onListening } = context;
  const user = `${USER}-${randomBytes(8).toString('hex')}`;
  const password = randomBytes(32).toString('hex');
  const isKnown = createCredentialCheck(`${user}:${password}`);
  const closing = new AbortController();
  // Each request listens until it is connected.
  setMaxListeners(0, closing.signal);
  const connections = createProxyConnections(maxConnections);
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (closing.signal.aborted) socket.destroy();
  };
  const run: ProxyRun = {
    checkUrl,
    connect,
    idleMs,
    connectMs,
    signal: closing.signal,
    track,
    refuse(target, error) {
      if (!(error instanceof ToolError) || error instanceof UnreachableError) return;
      try {
        onRefused?.({ target, error });
      } catch (failure) {
        // Whoever listens must not cost the program its answer, nor the process its life.
        process.emitWarning(failure instanceof Error ? failure : String(failure));
      }
    },
  };
  const forward = createForward(run);
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // An upload may take long; it ends when it stands still.
    requestTimeout: 0,
    // What cannot be understood in one way only is not passed on.
    insecureHTTPParser: false,
    requireHostHeader: false,
  });
  // Node drops headers above 2,000 unseen, and with them the frame of a body. The bytes are limited.
  server.maxHeadersCount = 0;
  server.timeout = idleMs;

  server.on('connection', (socket) => {
    track(socket);
    // A socket that fails closes; there is nobody to tell.
    socket.on('error', () => socket.destroy());
    connections.add(socket);
  });
  server.on('request', (request, response) => {
    const known = isKnown(request);
    if (known) connections.admit(request.socket);
    connections.takeTurn({ request, response }, () => {
      if (known) forward(request, response);
      else toAnswer(response, UNKNOWN);
    });
  });
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (connections.hasUnanswered(request.socket)) {
      socket.destroy();
      return;
    }
    if (!isKnown(request)) {
      writeProblem(socket, UNKNOWN);
      return;
    }
    connections.admit(request.socket);
    void openTunnel({ request, socket, head }, run);
  });
  server.on('clientError', (_error, socket) => {
    if (socket instanceof Socket && connections.isAnswering(socket)) socket.destroy();
    else writeProblem(socket, toProblem(400, 'The request cannot be read in one way only.'));
  });

  await new Promise<void>((resolve, reject) => {
    // Stays, for failures to accept later on: without a listener they would end the process.
    server.on('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => resolve());
  });
  // A cast, because the type also covers pipes, which are not listened on here.
  const { port } = server.address() as AddressInfo;
  onListening(port);

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      closing.abort(new Error('The proxy was closed.'));
      for (const socket of sockets) socket.destroy();
    });
    return closed;
  };
  return { url: `http://${user}:${password}@127.0.0.1:${port}`, close };
}
