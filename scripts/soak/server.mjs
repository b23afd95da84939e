// The servers of the soak, as plain JSON-RPC so that nothing but the bridge is under test: on stdio, or
// with a port as a legacy Streamable HTTP server whose sessions die with it. What stands in the
// witness's file reached a server. `obey` crashes, hangs or floods.
import { randomBytes, randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const [, , witness, port] = process.argv;
const file = openSync(witness, 'a');
const note = (what, text) => writeSync(file, `${what} ${text}\n`);
const toText = (text) => ({ content: [{ type: 'text', text }] });

const LARGE_BYTES = 64 * 1024;
const FLOOD_LINES = 20_000;
const STEP_MS = 50;
const underWay = new Map();
let isHanging = false;

const tools = {
  peek({ text }) {
    return toText(text);
  },
  large({ text }) {
    const filling = randomBytes((LARGE_BYTES * 3) / 4).toString('base64');
    return toText(`${text} ${filling}`.slice(0, LARGE_BYTES));
  },
  note({ text }) {
    note('start', text);
    note('done', text);
    return toText(text);
  },
  async slow({ text, ms }, { signal, progress }) {
    note('start', text);
    for (let passed = 0; passed < ms && !signal.aborted; passed += STEP_MS) {
      await wait(STEP_MS);
      progress({ progress: passed + STEP_MS, total: ms });
    }
    note(signal.aborted ? 'cancelled' : 'done', text);
    return toText(text);
  },
  async obey({ command }) {
    if (command === 'crash') process.exit(3);
    if (command === 'hang') isHanging = true;
    if (command === 'flood') {
      const line = 'x'.repeat(200);
      for (let count = 0; count < FLOOD_LINES; count += 1) {
        process.stderr.write(`${line}\n`);
        if (port === undefined) process.stdout.write(`this is no JSON ${count}\n`);
        if (count % 500 === 0) await wait(1);
      }
    }
    return toText(command);
  },
};

const handlers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'soak', version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
  }),
  'tools/call': (params, context) => tools[params.name](params.arguments ?? {}, context),
};

/** Answers a request through `send`, progress first; nothing for a notification, or while it hangs. */
async function handle({ id, method, params = {} }, send) {
  if (isHanging) return;
  if (method === 'notifications/cancelled') underWay.get(params.requestId)?.abort();
  if (id === undefined) return;
  const cancel = new AbortController();
  underWay.set(id, cancel);
  const token = params._meta?.progressToken;
  const progress = (step) => {
    if (token === undefined) return;
    const told = { progressToken: token, ...step };
    send({ jsonrpc: '2.0', method: 'notifications/progress', params: told });
  };
  const handler = handlers[method];
  const body = handler
    ? { result: await handler(params, { signal: cancel.signal, progress }) }
    : { error: { code: -32601, message: `Method not found: ${method}` } };
  underWay.delete(id);
  // Nobody waits for the answer of a call that was cancelled, nor for one of a server that hangs.
  if (!cancel.signal.aborted && !isHanging) send({ jsonrpc: '2.0', id, ...body });
}

async function serveStdio() {
  const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    void handle(JSON.parse(line), send);
  }
  process.exit(0);
}

function serveHttp() {
  const sessions = new Set();
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const message = JSON.parse(Buffer.concat(chunks).toString());
    let session = request.headers['mcp-session-id'];
    if (message.method === 'initialize') sessions.add((session = randomUUID()));
    if (!sessions.has(session)) return response.writeHead(404).end();
    if (message.id === undefined) {
      void handle(message, () => undefined);
      return response.writeHead(202).end();
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': session });
    response.on('close', () => underWay.get(message.id)?.abort());
    await handle(message, (body) => response.write(`data: ${JSON.stringify(body)}\n\n`));
    return response.end();
  });
  server.listen(Number(port), '127.0.0.1', () => process.send?.({ port: server.address().port }));
  process.on('disconnect', () => process.exit(0));
}

if (port === undefined) await serveStdio();
else serveHttp();
