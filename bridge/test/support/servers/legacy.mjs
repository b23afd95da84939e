// An MCP server of the legacy era, written with the 1.x SDK, for any transport.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { capabilities, listTools, tools } from './tools.mjs';

export function createLegacyServer() {
  const server = new Server({ name: 'legacy-fixture', version: '1.2.3' }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => listTools(params?.cursor));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const { _meta: meta } = params;
    const progressToken = meta?.progressToken;
    return tools[params.name]({
      args: params.arguments ?? {},
      ctx: {
        id: extra.requestId,
        meta,
        signal: extra.signal,
        progress: (progress) =>
          extra.sendNotification({
            method: 'notifications/progress',
            params: { ...progress, progressToken },
          }),
        log: (params) => extra.sendNotification({ method: 'notifications/message', params }),
        listChanged: () => server.sendToolListChanged(),
      },
    });
  });
  return server;
}
