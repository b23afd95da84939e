// A legacy server whose one tool sends a log message of each of three levels before it answers.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer(
  { name: 'talker', version: '1.0.0' },
  { capabilities: { logging: {} } },
);
server.registerTool('talk', { description: 'Talks.' }, async ({ sendNotification }) => {
  for (const level of ['debug', 'info', 'error']) {
    await sendNotification({ method: 'notifications/message', params: { level, data: level } });
  }
  return { content: [{ type: 'text', text: 'done' }] };
});
await server.connect(new StdioServerTransport());
