// An MCP server that writes down every call it gets, for the kill test and the stop test: what stands in
// its file reached a server. It is plain JSON lines, so that nothing but the bridge is under test.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const file = openSync(process.argv[2], 'a');
const tools = [
  {
    name: 'note',
    description: 'Writes the text to the file of the witness, and answers after some milliseconds.',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string' }, ms: { type: 'number' } },
      required: ['text'],
    },
  },
];

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'witness', version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools }),
  'tools/call': ({ arguments: { text } }) => {
    writeSync(file, `${text}\n`);
    return { content: [{ type: 'text', text }] };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const answer = answers[method];
  const body = answer
    ? { result: answer(params) }
    : { error: { code: -32601, message: `Method not found: ${method}` } };
  const reply = () => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`);
  const { ms = 0 } = params?.arguments ?? {};
  if (ms === 0) reply();
  else setTimeout(reply, ms);
}
