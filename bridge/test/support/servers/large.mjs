// A raw legacy server that answers with as many bytes as it is asked for, and tells how often.
import { createInterface } from 'node:readline';

const tools = ['large', 'count'].map((name) => ({ name, inputSchema: { type: 'object' } }));
let calls = 0;

const toText = ({ name, arguments: args }) => {
  if (name === 'count') return String(calls);
  calls += 1;
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
