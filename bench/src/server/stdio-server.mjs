// The stdio server behind every gateway: plain JSON lines and no SDK, so that next to nothing of a
// call's cost is its own.
import { answer, tools } from './tools.mjs';

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'bench', version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools }),
  'tools/call': ({ name, arguments: { seed } }) => ({
    content: [{ type: 'text', text: answer(name, seed) }],
  }),
};

const receive = (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const run = methods[method];
  const body = run
    ? { result: run(params) }
    : { error: { code: -32_601, message: `Method not found: ${method}` } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`);
};

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk) => {
  rest += chunk;
  let begin = 0;
  for (let end; (end = rest.indexOf('\n', begin)) !== -1; begin = end + 1) {
    receive(rest.slice(begin, end));
  }
  rest = rest.slice(begin);
});
