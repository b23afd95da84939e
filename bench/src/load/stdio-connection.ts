// Calls to the stdio server itself through the official client: what an MCP client costs without
// anything between.
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { CLIENT_INFO, type Connection, type StdioTarget, toToken } from './connection.ts';

export async function openStdioConnection({ command, args }: StdioTarget): Promise<Connection> {
  const client = new Client(CLIENT_INFO);
  const transport = new StdioClientTransport({ command, args: [...args] });
  await client.connect(transport);
  const { pid } = transport;
  return {
    ...(pid !== null && { pid }),
    async call(_slot, tool, seed) {
      const { content } = await client.callTool({ name: tool, arguments: { seed } });
      const [block] = content;
      if (block?.type !== 'text' || !block.text.startsWith(toToken(seed))) {
        throw new Error(`A call was answered with ${JSON.stringify(content).slice(0, 300)}`);
      }
    },
    rest: () => undefined,
    close: () => client.close(),
  };
}
