// A raw legacy server that answers a call with the very result or error it was given as arguments,
// whatever that is, or with `raw` as it is written: what a server may send is not what a library lets
// it send.
import { createInterface } from 'node:readline';

const tool = { name: 'mirror', inputSchema: { type: 'object' } };
const wrapped = {
  name: 'wrapped',
  inputSchema: { type: 'object' },
  outputSchema: { type: 'array' },
};
const headed = {
  name: 'headed',
  inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' } } },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const body =
    method === 'initialize'
      ? {
          result: {
            protocolVersion: params.protocolVersion,
            capabilities: { tools: {} },
            serverInfo: { name: 'mirror', version: '1.0.0' },
          },
        }
      : method === 'tools/list'
        ? { result: { tools: [tool, wrapped, headed] } }
        : method === 'tools/call'
          ? (params.arguments?.answer ?? { result: { content: [] } })
          : method === 'ping'
            ? { result: {} }
            : { error: { code: -32601, message: 'Method not found' } };
  const { raw } = params?.arguments?.answer ?? {};
  process.stdout.write(
    raw === undefined
      ? `${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`
      : `{"jsonrpc":"2.0","id":${id},"result":${raw}}\n`,
  );
}
