// Real servers on 127.0.0.1, which count who came, and guards that know them.
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import {
  createNetworkGuard,
  type NetworkGuard,
  type NetworkGuardOptions,
} from '../../src/index.ts';

export interface TestServer {
  port: number;
  /** `http://127.0.0.1:port`, or https. */
  url: string;
  /** Connections that came so far. */
  connections: () => number;
  /** Connections that are open. */
  open: () => number;
}

async function listen(server: Server, scheme = 'http'): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    // The guard breaks connections off; that is what is tested.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  // A cast, because the type also covers pipes.
  const { port } = server.address() as AddressInfo;
  const url = `${scheme}://127.0.0.1:${port}`;
  return { port, url, connections: () => connections, open: () => sockets.size };
}

export function startHttp(listener: RequestListener): Promise<TestServer> {
  return listen(createHttp(listener));
}

export function startHttps(
  certificate: { key: string; cert: string },
  listener: RequestListener,
): Promise<TestServer> {
  return listen(createHttps(certificate, listener), 'https');
}

/** Answers each connection with bytes of its own. */
export function startRaw(onSocket: (socket: Socket) => void): Promise<TestServer> {
  return listen(createTcp(onSocket));
}

/** Answers when the head of a request has come. */
export function startAnswering(answer: (socket: Socket) => void): Promise<TestServer> {
  return startRaw((socket) => {
    socket.once('data', () => answer(socket));
  });
}

/** Names no system resolves, so a connection to one proves that the stub's address was used. */
export function toResolve(names: Readonly<Record<string, readonly string[]>>) {
  return (hostname: string) => {
    const addresses = names[hostname];
    return addresses === undefined
      ? Promise.reject(new Error(`There is no ${hostname}.`))
      : Promise.resolve(addresses);
  };
}

/** Closed with the test. */
export function openGuard(options: NetworkGuardOptions): NetworkGuard {
  const guard = createNetworkGuard({ resolve: toResolve({}), ...options });
  onTestFinished(() => guard.close());
  return guard;
}

export function get(guard: NetworkGuard, url: string, options = {}) {
  return guard.fetch(url, { signal: new AbortController().signal, ...options });
}
