// An MCP server of the modern era, written with the 2.x SDK, for any transport.
import { Server } from '@modelcontextprotocol/server';
import { capabilities, listTools, tools } from './tools.mjs';

/** @param notifyListChanged how a change reaches those who listen; by default this connection's own way */
export function createModernServer(notifyListChanged) {
  const server = new Server({ name: 'modern-fixture', version: '4.5.6' }, { capabilities });
  server.setRequestHandler('tools/list', ({ params }) => listTools(params?.cursor));
  server.setRequestHandler('tools/call', ({ params }, ctx) => {
    const { _meta: meta } = ctx.mcpReq;
    return tools[params.name]({
      args: params.arguments ?? {},
      ctx: {
        id: ctx.mcpReq.id,
        meta: { ...meta, ...ctx.mcpReq.envelope },
        signal: ctx.mcpReq.signal,
        inputResponses: ctx.mcpReq.inputResponses,
        progress: (progress) =>
          ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { ...progress, progressToken: meta.progressToken },
          }),
        log: (params) => ctx.mcpReq.notify({ method: 'notifications/message', params }),
        listChanged: notifyListChanged ?? (() => server.sendToolListChanged()),
      },
    });
  });
  return server;
}
