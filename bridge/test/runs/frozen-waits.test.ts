// How long callers wait while the database is frozen: what is promised for one call, however often and
// wherever on the log's way they are caught.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';
import { type FreezablePostgres, startFreezablePostgres } from '../support/frozen-postgres.ts';

const PROMISED_MS = 5_000;
/** For a busy machine. */
const SLACK_MS = 1_000;
const FROZEN_MS = 14_000;

let postgres: FreezablePostgres;
let bridge: TestBridge;

beforeAll(async () => {
  postgres = await startFreezablePostgres();
  bridge = await startTestBridge(
    {
      mcpServers: { writes: modernServer, reads: modernServer },
      drawbridge: { servers: { reads: { effects: { echo: 'read' } } } },
    },
    { DATABASE_URL: postgres.url },
  );
}, 60_000);
afterAll(async () => {
  postgres.thaw();
  await bridge.close();
  await postgres.close();
}, 60_000);

async function callOnFastPath(tool: string): Promise<string> {
  const response = await bridge.request('/mcp', {
    method: 'POST',
    headers: {
      Accept: 'application/json, text/event-stream',
      'Mcp-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': tool,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: tool,
        arguments: { text: 'x' },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  });
  return response.text();
}

async function callOverRest(tool: string, text = 'x'): Promise<string> {
  const response = await bridge.request(`/v1/tools/${tool}/call`, {
    method: 'POST',
    body: JSON.stringify({ arguments: { text } }),
  });
  return response.text();
}

// Holds: log/bounded-wait
test('no call waits longer for a frozen database than is promised', async () => {
  const calls = [callOnFastPath, callOverRest].flatMap((call) =>
    ['writes__echo', 'reads__echo'].map((tool) => () => call(tool)),
  );
  // Its body goes to the store ahead of its events.
  calls.push(() => callOverRest('writes__echo', 'x'.repeat(300_000)));
  for (const call of calls) expect(await call()).toContain('x');
  const waits: { ms: number; text: string }[] = [];
  const until = performance.now() + FROZEN_MS;
  const keepCalling = async (call: () => Promise<string>): Promise<void> => {
    while (performance.now() < until) {
      const begun = performance.now();
      const text = await call();
      waits.push({ ms: performance.now() - begun, text });
    }
  };
  const callers = [...calls, ...calls, ...calls, ...calls].map(keepCalling);
  await delay(500);
  await postgres.freeze();
  await Promise.all(callers);
  postgres.thaw();
  const tooLong = waits.filter(({ ms }) => ms > PROMISED_MS + SLACK_MS);
  expect(tooLong).toEqual([]);
  // They waited at each of these places, and some were served before.
  const told = waits.map(({ text }) => text).join('\n');
  for (const code of ['log/unavailable', 'log/outcome_unknown', 'store/unavailable'])
    expect(told).toContain(code);
  expect(waits.some(({ ms, text }) => ms < 500 && text.includes('"text":"x"'))).toBe(true);
}, 120_000);
