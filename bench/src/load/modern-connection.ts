// Calls in protocol revision 2026-07-28: stateless, every request says who asks and in which revision.
import {
  CLIENT_INFO,
  type Connection,
  type HttpTarget,
  MODERN_VERSION,
  type Tool,
} from './connection.ts';
import { createRequestWriter } from './http-socket.ts';
import { assertAnswer, createSockets } from './sockets.ts';

export function createModernConnection({ url, headers, prefix }: HttpTarget): Connection {
  const endpoint = new URL(url);
  const sockets = createSockets(endpoint);
  const meta = JSON.stringify({
    'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    'io.modelcontextprotocol/clientCapabilities': {},
  });
  const toWriter = (tool: Tool): ((seed: number) => string) => {
    const name = prefix + tool;
    const write = createRequestWriter(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': MODERN_VERSION,
        'mcp-method': 'tools/call',
        'mcp-name': name,
        ...headers,
      },
    });
    return (seed) =>
      write(
        `{"jsonrpc":"2.0","id":${seed},"method":"tools/call","params":{"name":"${name}","arguments":{"seed":${seed}},"_meta":${meta}}}`,
      );
  };
  const writers = { small: toWriter('small'), large: toWriter('large') };
  return {
    async call(slot, tool, seed) {
      assertAnswer(await sockets.of(slot).send(writers[tool](seed)), seed);
    },
    rest: sockets.closeAll,
    close() {
      sockets.closeAll();
      return Promise.resolve();
    },
  };
}
