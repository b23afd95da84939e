// A server of the modern era over stdio, written with the 2.x SDK; `--dual` serves legacy clients too.
import { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { applyFlags, capabilities, listTools, tools } from './tools.mjs';

const flags = await applyFlags(process.argv.slice(2));
serveStdio(
  () => {
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
          progress: (progress) =>
            ctx.mcpReq.notify({
              method: 'notifications/progress',
              params: { ...progress, progressToken: meta.progressToken },
            }),
          log: (params) => ctx.mcpReq.notify({ method: 'notifications/message', params }),
          listChanged: () => server.sendToolListChanged(),
        },
      });
    });
    return server;
  },
  { legacy: flags.has('--dual') ? 'serve' : 'reject' },
);
