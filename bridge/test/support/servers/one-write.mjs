// A raw legacy server that answers late or never (`hold`), or writes progress, a log message and the
// answer in one piece (`burst`); the answer tells the id and the progress token it was called with.
import { createInterface } from 'node:readline';

const tools = ['hold', 'release', 'burst'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
}));
const toLine = (message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
const toText = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
let held;

const answer = ({ id, params: { name, _meta } }) => {
  const token = _meta?.progressToken;
  const result = toText({ id, token });
  if (name === 'hold') {
    held = toLine({ id, result });
    return '';
  }
  if (name === 'release') return held + toLine({ id, result });
  return (
    toLine({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } }) +
    toLine({ method: 'notifications/message', params: { level: 'info', data: 'on the way' } }) +
    toLine({ id, result })
  );
};

const methods = {
  initialize: ({ params: { protocolVersion } }) => ({
    protocolVersion,
    capabilities: { tools: {}, logging: {} },
    serverInfo: { name: 'one-write', version: '1.0.0' },
  }),
  'tools/list': () => ({ tools }),
  ping: () => ({}),
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  const { id, method } = message;
  if (id === undefined) continue;
  const text =
    method === 'tools/call'
      ? answer(message)
      : methods[method] === undefined
        ? toLine({ id, error: { code: -32601, message: 'Method not found' } })
        : toLine({ id, result: methods[method](message) });
  process.stdout.write(text);
}
