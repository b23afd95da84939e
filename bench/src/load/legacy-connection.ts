// Calls in revision 2025-11-25: one session, begun when the connection is made, and many calls in it.
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Connection,
  type HttpTarget,
  INITIALIZED,
  LEGACY_VERSION,
  type Tool,
  toInitialize,
} from './connection.ts';
import { createHttpSocket, createRequestWriter } from './http-socket.ts';
import { assertAnswer, createSockets } from './sockets.ts';

export async function openLegacyConnection({
  url,
  headers,
  prefix,
}: HttpTarget): Promise<Connection> {
  const endpoint = new URL(url);
  const common = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': LEGACY_VERSION,
    ...headers,
  };
  const first = createHttpSocket(endpoint);
  const begun = await first.send(
    createRequestWriter(endpoint, { method: 'POST', headers: common })(toInitialize()),
  );
  const session = begun.headers.get('mcp-session-id');
  if (begun.status !== 200 || session === undefined) {
    throw new Error(`No session: ${begun.status} ${begun.body.toString('latin1', 0, 300)}`);
  }
  const inSession = { ...common, 'mcp-session-id': session };
  const write = createRequestWriter(endpoint, { method: 'POST', headers: inSession });
  await first.send(write(INITIALIZED));
  first.close();
  const sockets = createSockets(endpoint);
  return {
    async call(slot: number, tool: Tool, seed: number) {
      const request = write(
        `{"jsonrpc":"2.0","id":${seed},"method":"tools/call","params":{"name":"${prefix}${tool}","arguments":{"seed":${seed}}}}`,
      );
      assertAnswer(await sockets.of(slot).send(request), seed);
    },
    rest: sockets.closeAll,
    async close() {
      sockets.closeAll();
      const last = createHttpSocket(endpoint);
      const end = createRequestWriter(endpoint, { method: 'DELETE', headers: inSession });
      // The server may be gone, and its session with it, or hang.
      const gone = wait(2_000, undefined, { ref: false });
      await Promise.race([last.send(end()).catch(() => undefined), gone]);
      last.close();
    },
  };
}
