// The fixtures over HTTP. `--kind=modern|legacy|sse|elsewhere|down|silent`, `--port=0`; prints its port.
// `/control/…` lets a test look inside and do harm.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { createLegacyServer } from './legacy.mjs';
import { createModernServer } from './modern.mjs';

const flags = new Map(process.argv.slice(2).map((flag) => flag.split(/=(.*)/s)));
const requests = [];
const sessions = new Map();
let broken = false;
let resets = false;

const modern = createMcpHandler(() => createModernServer(() => modern.notify.toolsChanged()), {
  legacy: 'reject',
});
const modernHandler = toNodeHandler(modern);

const kinds = {
  modern: (req, res, body) => modernHandler(req, res, body),
  async legacy(req, res, body) {
    const id = req.headers['mcp-session-id'];
    if (id !== undefined) {
      const transport = sessions.get(id);
      if (transport === undefined) return res.writeHead(404).end('session not found');
      return transport.handleRequest(req, res, body);
    }
    if (body?.method !== 'initialize') return res.writeHead(400).end('no session');
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => sessions.set(session, transport),
      onsessionclosed: (session) => sessions.delete(session),
    });
    await createLegacyServer().connect(transport);
    return transport.handleRequest(req, res, body);
  },
  async sse(req, res, body) {
    if (req.method === 'GET' && req.url === '/mcp') {
      const transport = new SSEServerTransport('/messages', res);
      sessions.set(transport.sessionId, transport);
      return createLegacyServer().connect(transport);
    }
    const id = new URL(req.url, 'http://localhost').searchParams.get('sessionId');
    const transport = sessions.get(id);
    if (transport === undefined) return res.writeHead(req.url === '/mcp' ? 405 : 404).end();
    return transport.handlePostMessage(req, res, body);
  },
  elsewhere: (_req, res) => res.writeHead(307, { location: flags.get('--to') }).end(),
  down: (_req, res) => res.writeHead(503).end('overloaded'),
  silent: () => undefined,
};

const server = createServer(async (req, res) => {
  if (req.url === '/control/requests') return res.end(JSON.stringify(requests));
  if (req.url === '/control/expire') return res.end(`${sessions.clear()}`);
  if (req.url === '/control/break') return res.end(`${(broken = true)}`);
  if (req.url === '/control/reset') return res.end(`${(resets = true)}`);
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
  requests.push({ http: req.method, method: body?.method, id: body?.id, headers: req.headers });
  if (broken && body?.method === 'tools/call') {
    // The stream begins and ends without the answer.
    broken = false;
    return res.writeHead(200, { 'content-type': 'text/event-stream' }).end(': sorry\n\n');
  }
  if (resets && body?.method === 'tools/call') {
    resets = false;
    return req.socket.resetAndDestroy();
  }
  return kinds[flags.get('--kind')](req, res, body);
});
server.listen(Number(flags.get('--port') ?? 0), '127.0.0.1', () =>
  process.stdout.write(`${server.address().port}\n`),
);
