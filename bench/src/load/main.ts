// The load generator's process: holds one connection to each contender and carries out commands, so
// that the same code measures all, and the bench's own work is no part of it.
import { setTimeout as wait } from 'node:timers/promises';
import type { Answered, Asked, CommandName, Reply, Request } from './commands.ts';
import type { Connection, Target } from './connection.ts';
import { drive } from './drive.ts';
import { follow } from './follow.ts';
import { createHttpSocket, createRequestWriter } from './http-socket.ts';
import { openLegacyConnection } from './legacy-connection.ts';
import { createModernConnection } from './modern-connection.ts';
import { openSseConnection } from './sse-connection.ts';
import { openStdioConnection } from './stdio-connection.ts';

type OnEdge = (edge: 'begin' | 'end') => void;
type Handlers = {
  [N in CommandName]: (asked: Asked<N>, onEdge: OnEdge) => Promise<Answered<N>>;
};

const RETRY_MS = 5;

function createHandlers(): Handlers {
  const connections = new Map<string, Connection>();
  let seed = 0;
  const nextSeed = (): number => (seed += 1);
  const require = (name: string): Connection => {
    const connection = connections.get(name);
    if (connection === undefined) throw new Error(`There is no connection to ${name}.`);
    return connection;
  };
  return {
    async open({ name, target, deadlineMs }) {
      const deadline = performance.now() + deadlineMs;
      for (;;) {
        let connection: Connection | undefined;
        try {
          connection = await connect(target);
          await connection.call(0, 'small', nextSeed());
          connections.set(name, connection);
          return { pid: connection.pid };
        } catch (error) {
          await connection?.close();
          if (performance.now() > deadline) throw error;
          await wait(RETRY_MS);
        }
      }
    },
    async call({ name, tool, callers, ...times }, onEdge) {
      const connection = require(name);
      try {
        const ask = (slot: number): Promise<void> => connection.call(slot, tool, nextSeed());
        return await drive({ ...times, callers, onEdge, ask });
      } finally {
        connection.rest();
      }
    },
    async read({ url, headers, callers, ...times }, onEdge) {
      const endpoint = new URL(url);
      const request = createRequestWriter(endpoint, { method: 'GET', headers })();
      const sockets = Array.from({ length: callers }, () => createHttpSocket(endpoint));
      try {
        const ask = async (slot: number): Promise<void> => {
          const answer = await sockets[slot]?.send(request);
          if (answer?.status !== 200) throw new Error(`${url} was answered with ${answer?.status}`);
        };
        return await drive({ ...times, callers, onEdge, ask });
      } finally {
        for (const socket of sockets) socket.close();
      }
    },
    follow: ({ name, ...options }, onEdge) =>
      follow(require(name), { ...options, nextSeed, onEdge }),
    async close({ name }) {
      await connections.get(name)?.close();
      connections.delete(name);
      return undefined;
    },
  };
}

function connect(target: Target): Promise<Connection> {
  switch (target.wire) {
    case 'modern':
      return Promise.resolve(createModernConnection(target));
    case 'legacy':
      return openLegacyConnection(target);
    case 'sse':
      return openSseConnection(target);
    case 'stdio':
      return openStdioConnection(target);
    default:
      return target satisfies never;
  }
}

function serve(): void {
  const handlers = createHandlers();
  const reply = (message: Reply): void => {
    process.send?.(message);
  };
  const carryOut = async <N extends CommandName>({ id, command, asked }: Request<N>) => {
    try {
      const answer = await handlers[command](asked, (edge) => reply({ id, edge }));
      reply({ id, answer });
    } catch (error) {
      reply({ id, failure: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (message) => void carryOut(message as Request)); // from load-process.ts only
  process.on('disconnect', () => process.exit());
  // Ctrl+C reaches every process of the terminal; the bench ends this one when it has tidied up.
  process.on('SIGINT', () => undefined);
}

serve();
