// A server of the legacy era over stdio, written with the 1.x SDK.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { applyFlags, capabilities, listTools, tools } from './tools.mjs';

const flags = await applyFlags(process.argv.slice(2));
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
const transport = new StdioServerTransport();
await server.connect(transport);
const { onmessage } = transport;
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
transport.onmessage = (message, extra) => {
  if (message.method === 'server/discover') {
    if (flags.has('--exit-on-probe')) process.exit(1);
    if (flags.has('--silent-on-probe')) return;
  }
  onmessage.call(transport, message, extra);
};
