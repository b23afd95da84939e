// A raw legacy server that answers with as many bytes as it is asked for, in progress or in a result, and
// tells how often.
import { createInterface } from 'node:readline';

const tools = ['large', 'chatter', 'count'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
}));
let calls = 0;

const toText = ({ name, arguments: args, _meta }) => {
  if (name === 'count') return String(calls);
  calls += 1;
  if (name === 'chatter') {
    const { progressToken } = _meta;
    const params = { progressToken, progress: 0, message: 'x'.repeat(args.bytes) };
    for (let index = 0; index < args.times; index += 1) {
      params.progress = index;
      const line = { jsonrpc: '2.0', method: 'notifications/progress', params };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
    return 'done';
  }
  return 'x'.repeat(args?.bytes ?? 0);
};
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'large', version: '1.0.0' },
  }),
  'tools/list': () => ({ tools }),
  'tools/call': (params) => ({ content: [{ type: 'text', text: toText(params) }] }),
  ping: () => ({}),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const body = answers[method]
    ? { result: answers[method](params) }
    : { error: { code: -32601, message: 'Method not found' } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`);
}
