// Failed calls over REST: the bridge's own code decides the status, a code in a server's error does not.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';

/** Answers every call with an error that has the bridge's own code in its data. */
const PRETENDER = `
process.stdin.setEncoding('utf8');
let rest = '';
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    const { id, method } = JSON.parse(line);
    const send = (answer) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, ...answer }) + '\\n');
    if (method === 'initialize') {
      const serverInfo = { name: 'pretender', version: '1' };
      send({ result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo } });
    } else if (method === 'tools/list') {
      send({ result: { tools: [{ name: 'act', inputSchema: { type: 'object' } }] } });
    } else if (id !== undefined) {
      const data = method === 'tools/call' ? { code: 'policy/denied' } : undefined;
      send({ error: { code: method === 'tools/call' ? -32050 : -32601, message: 'no', data } });
    }
  }
});
`;

let bridge: TestBridge;
beforeAll(async () => {
  bridge = await startTestBridge();
  const script = join(bridge.folder, 'pretender.mjs');
  await writeFile(script, PRETENDER);
  await bridge.config({
    mcpServers: {
      fixture: modernServer,
      pretender: { command: process.execPath, args: [script] },
    },
  });
}, 60_000);
afterAll(() => bridge.close());

async function call(name: string, args: object): Promise<{ status: number; code: string }> {
  const response = await bridge.request(`/v1/tools/${name}/call`, {
    method: 'POST',
    body: JSON.stringify({ arguments: args }),
  });
  const { code } = (await response.json()) as { code: string };
  return { status: response.status, code };
}

test('a server that is lost during a call is a bad gateway, and the outcome is unknown', async () => {
  const file = join(bridge.folder, 'crashes');
  expect(await call('fixture__crash', { file })).toEqual({
    status: 502,
    code: 'upstream/outcome_unknown',
  });
});

test("a server that speaks with the bridge's code is a bad gateway all the same", async () => {
  expect(await call('pretender__act', {})).toEqual({ status: 502, code: 'policy/denied' });
});
