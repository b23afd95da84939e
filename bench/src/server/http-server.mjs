// The same tools as a server of their own behind HTTP, written as the official SDK's documentation
// shows it: what a caller gets without any gateway. `node http-server.mjs PORT`.
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { answer, tools } from './tools.mjs';

const inputSchema = z.object({ seed: z.number().int() });

const handle = toNodeHandler(
  createMcpHandler(() => {
    const server = new McpServer({ name: 'bench', version: '1.0.0' });
    for (const { name, description } of tools) {
      server.registerTool(name, { description, inputSchema }, ({ seed }) => ({
        content: [{ type: 'text', text: answer(name, seed) }],
      }));
    }
    return server;
  }),
);

createServer((request, response) => void handle(request, response)).listen(
  Number(process.argv[2]),
  '127.0.0.1',
);
