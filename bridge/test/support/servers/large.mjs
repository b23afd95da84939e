// A raw legacy server whose answers are as large as they are asked to be, and of shapes that are hard
// to work through. Over stdio, or with a port as its argument over HTTP, answering JSON or events.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const shapes = {
  text: (bytes) => content('lorem ipsum é '.repeat(bytes / 15)),
  names: (bytes) => content('token:x '.repeat(bytes / 8)),
  secret: (bytes) => content(`password=hunter2hunter2 ${'x'.repeat(bytes)}`),
  arrays: (bytes) => `"content":[],"structuredContent":{"a":[${'[],'.repeat(bytes / 3)}1]}`,
  numbers: (bytes) =>
    `"content":[],"structuredContent":{"n":12345678901234567890,"a":[${'1.5,'.repeat(bytes / 4)}1]}`,
  meta: (bytes) => `${content('y'.repeat(bytes))},"_meta":{"own":1}`,
  bare: (bytes) => `"structuredContent":{"a":"${'z'.repeat(bytes)}"}`,
};

function content(text) {
  return `"content":[{"type":"text","text":"${text}"}]`;
}

const tools = ['large', 'size', 'lines'].map((name) => ({ name, inputSchema: { type: 'object' } }));

/** The answer as JSON. */
function answer({ id, method, params }) {
  const result = (value) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${value}}`;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    const serverInfo = { name: 'large', version: '1.0.0' };
    const capabilities = { tools: {}, resources: {} };
    return result(JSON.stringify({ protocolVersion, capabilities, serverInfo }));
  }
  if (method === 'tools/list') {
    const padding = 'p'.repeat(Number(process.env.LIST_ENTRY ?? 0));
    const many = Array.from({ length: Number(process.env.LIST ?? 0) }, (_, index) => ({
      name: `t${index}`,
      description: padding,
      inputSchema: { type: 'object' },
    }));
    return result(JSON.stringify({ tools: [...tools, ...many] }));
  }
  if (method === 'resources/list') return result('{"resources":[{"uri":"large://a","name":"a"}]}');
  if (method === 'resources/templates/list') return result('{"resourceTemplates":[]}');
  if (method === 'resources/read') {
    return result(`{"contents":[{"uri":"large://a","text":"${'r'.repeat(300_000)}"}]}`);
  }
  if (method === 'ping') return result('{}');
  if (method === 'tools/call' && params.name === 'size') {
    return result(`{${content(JSON.stringify(params.arguments).length)}}`);
  }
  if (method === 'tools/call' && params.name === 'lines') {
    return `${'{"jsonrpc":"2.0","method":"notifications/x"}\n'.repeat(params.arguments.count)}${result(`{${content('done')}}`)}`;
  }
  if (method === 'tools/call') {
    const { shape, bytes } = params.arguments;
    return result(`{${shapes[shape](bytes)}}`);
  }
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":{"code":-32601,"message":"no"}}`;
}

const [, , kind] = process.argv;
if (kind === undefined) {
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.id !== undefined) process.stdout.write(`${answer(message)}\n`);
  }
} else {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const parts = [];
    for await (const part of request) parts.push(part);
    const message = JSON.parse(Buffer.concat(parts).toString());
    if (message.id === undefined) return response.writeHead(202).end();
    const json = answer(message);
    const isStream = kind === 'events' && message.method === 'tools/call';
    response.writeHead(200, {
      'Content-Type': isStream ? 'text/event-stream' : 'application/json',
    });
    response.end(isStream ? `event: message\ndata: ${json}\n\n` : json);
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
}
