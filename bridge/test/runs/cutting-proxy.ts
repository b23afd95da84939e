// Stands between a client and PostgreSQL, and breaks the connection at a chosen moment of the next
// statement: before it arrives, after it is done and before its answer, or while it is under way.
import { once } from 'node:events';
import { type Socket, createConnection, createServer } from 'node:net';
import { Client } from 'pg';

export interface CuttingProxy {
  connect(): Promise<Client>;
  /** What happens to the next statement; afterwards all is well again. */
  next: 'lose' | 'answer lost' | 'hold' | undefined;
  /** Whether new connections are refused; `afterNext` refuses them from the break on. */
  isDown: boolean | 'afterNext';
  /** Connections that were refused. */
  readonly refused: number;
  /** Lets the server have a statement that was held, and waits until it has carried it out. */
  release(): Promise<void>;
  close(): Promise<void>;
}

export async function createCuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new Client({ connectionString: url });
  const { host, port, user = '', database = '', password = '' } = target;
  const sockets = new Set<Socket>();
  let held: { server: Socket; statement: Buffer } | undefined;

  const listener = createServer((client) => {
    const server = host.startsWith('/')
      ? createConnection(`${host}/.s.PGSQL.${port}`)
      : createConnection(port, host);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    server.on('data', (data) => client.write(data));
    server.on('close', () => client.destroy());
    client.on('close', () => {
      if (held?.server !== server) server.destroy();
    });
    client.on('data', (statement) => {
      const plan = proxy.next;
      proxy.next = undefined;
      if (plan !== undefined && proxy.isDown === 'afterNext') proxy.isDown = true;
      if (plan === 'lose') {
        client.destroy();
      } else if (plan === 'hold') {
        held = { server, statement };
        client.destroy();
      } else {
        if (plan === 'answer lost') {
          server.removeAllListeners('data');
          server.once('data', () => client.destroy());
        }
        server.write(statement);
      }
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  let refused = 0;
  const proxy: CuttingProxy = {
    next: undefined,
    isDown: false,
    get refused() {
      return refused;
    },
    async connect() {
      if (proxy.isDown === true) {
        refused += 1;
        throw new Error('connection refused');
      }
      const client = new Client({
        host: '127.0.0.1',
        port: address.port,
        user,
        database,
        ...(password !== null && { password }),
      });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    async release() {
      if (held === undefined) throw new Error('no statement is held');
      const { server, statement } = held;
      server.removeAllListeners('data');
      const answer = once(server, 'data');
      server.write(statement);
      await answer;
      server.destroy();
    },
    async close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, 'close');
    },
  };
  return proxy;
}
