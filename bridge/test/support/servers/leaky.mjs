// A legacy server that tells its secret wherever it can. `--crash` tells it on stderr and ends.
import { createInterface } from 'node:readline';

const secret = process.env.LEAKY_TOKEN ?? '';
const encoded = Buffer.from(`user:${secret}`).toString('base64');

if (process.argv.includes('--crash')) {
  // In two chunks, so that no chunk holds it whole.
  process.stderr.write(`cannot connect to https://x/?k=${secret.slice(0, 9)}`);
  setTimeout(() => {
    process.stderr.write(`${secret.slice(9)} as ${encoded}\n`, () => process.exit(3));
  }, 50);
} else {
  const send = (message) =>
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const inputSchema = { type: 'object' };
  const tool = (name) => ({ name, description: `${name}, connected as ${encoded}`, inputSchema });
  const answers = {
    initialize: () => ({
      protocolVersion: '2025-06-18',
      capabilities: { tools: {}, resources: {}, logging: {} },
      serverInfo: { name: 'leaky', version: '1' },
      instructions: `connected with ${secret}`,
    }),
    'tools/list': () => ({
      tools: ['result', 'error', 'long', 'chatter', `t_${secret}`].map(tool),
    }),
    'resources/list': () => ({
      resources: [
        { uri: `db://u:${secret}@host/x`, name: 'secret' },
        { uri: 'db://host/y', name: 'open', description: `of ${secret}` },
      ],
    }),
    'resources/templates/list': () => ({ resourceTemplates: [] }),
    ping: () => ({}),
  };
  const call = (id, { name, _meta: meta }) => {
    const text = `with ${secret}`;
    if (name === 'long') {
      send({ id, error: { code: -32_050, message: `${'x '.repeat(4_092)}${secret}` } });
      return;
    }
    if (name === 'error') {
      send({ id, error: { code: -32_050, message: text, data: { [secret]: encoded } } });
      return;
    }
    if (name === 'chatter') {
      send({ method: 'notifications/message', params: { level: 'info', data: { text } } });
      const progress = { progressToken: meta?.progressToken, progress: 1, message: text };
      send({ method: 'notifications/progress', params: progress });
    }
    send({ id, result: { content: [{ type: 'text', text }] } });
  };
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    if (method === 'tools/call') call(id, params);
    else if (answers[method] !== undefined) send({ id, result: answers[method]() });
    else send({ id, error: { code: -32_601, message: 'no such method' } });
  });
}
