// The answers of every front when the bridge stops while calls are under way.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-stop-'));
  bridge = await startTestBridge({ mcpServers: { fixture: modernServer } });
});
afterEach(async () => {
  await bridge.close();
  await rm(folder, { recursive: true, force: true });
});

interface Caller {
  /** Calls the slow tool; resolves with its text, or with what the error says. */
  slow(ms: number): Promise<string>;
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const data = 'data' in error ? JSON.stringify(error.data) : '';
  return `${error.message} ${data}`;
}
function file(): string {
  return join(folder, 'told.txt');
}

/** With progress the call goes through the SDK's front, else over the fast path. */
async function viaModern(onprogress?: () => void): Promise<Caller> {
  const client = await bridge.modern();
  return {
    slow: (ms) =>
      client
        .callTool(
          { name: 'fixture__slow', arguments: { ms, file: file() } },
          onprogress && { onprogress },
        )
        .then((result) => JSON.stringify(result), told),
  };
}
async function viaLegacy(onprogress?: () => void): Promise<Caller> {
  const { client } = await bridge.legacy();
  return {
    slow: (ms) =>
      client
        .callTool(
          { name: 'fixture__slow', arguments: { ms, file: file() } },
          undefined,
          onprogress && { onprogress },
        )
        .then((result) => JSON.stringify(result), told),
  };
}
function viaRest(): Promise<Caller> {
  return Promise.resolve({
    slow: async (ms) => {
      const response = await bridge.request('/v1/tools/fixture__slow/call', {
        method: 'POST',
        body: JSON.stringify({ arguments: { ms, file: file() } }),
      });
      return `${response.status} ${response.headers.get('retry-after')} ${await response.text()}`;
    },
  });
}

const fronts: readonly [string, () => Promise<Caller>][] = [
  ['a modern client on the fast path', () => viaModern()],
  ["a modern client on the SDK's path", () => viaModern(() => undefined)],
  ['a legacy client on the fast path', () => viaLegacy()],
  ["a legacy client on the SDK's path", () => viaLegacy(() => undefined)],
  ['REST', viaRest],
];

async function events(): Promise<{ type: string; payload: { reason?: string } }[]> {
  const { runs } = (await (await bridge.request('/v1/runs')).json()) as { runs: { id: string }[] };
  const all = runs.map(async ({ id }) => {
    const page = await (await bridge.request(`/v1/runs/${id}/events`)).json();
    return (page as { events: { type: string; payload: { reason?: string } }[] }).events;
  });
  return (await Promise.all(all)).flat();
}
function begun(count: number) {
  return vi.waitFor(async () => {
    const lines = (await readFile(file(), 'utf8')).split('\n').filter((line) => /start/.test(line));
    expect(lines).toHaveLength(count);
  });
}

describe.each(fronts)('%s', (_, connect) => {
  // Holds: stop/everybody-answered
  it('has its answer within the grace, else hears that the outcome is unknown; the log has both ends', async () => {
    const caller = await connect();
    const long = caller.slow(60_000);
    const short = caller.slow(1_200);
    await begun(2);
    const begin = performance.now();
    const restarted = bridge.restart();
    expect(await short).toContain('done');
    const said = await long;
    expect(performance.now() - begin).toBeGreaterThan(2_900);
    expect(said).toContain('the outcome is unknown');
    expect(said).toContain('bridge/outcome_unknown');
    await restarted;
    const all = await events();
    expect(all.filter(({ type }) => type === 'call.completed')).toHaveLength(1);
    const cancelled = all.find(({ type }) => type === 'call.cancelled');
    expect(cancelled?.payload.reason).toContain('stopping');
    expect(await readFile(file(), 'utf8')).toContain('cancelled');
  });

  it('has new requests refused at once', async () => {
    const [caller, other] = [await connect(), await viaRest()];
    const under = caller.slow(1_500);
    await begun(1);
    const closed = bridge.bridge.close();
    expect(await caller.slow(1)).toMatch(/bridge\/stopping/);
    expect(await other.slow(1)).toMatch(/^503 1 .*bridge\/stopping/);
    const health = await bridge.request('/health');
    expect([health.status, await health.json()]).toMatchObject([503, { status: 'stopping' }]);
    expect(await under).toContain('done');
    await closed;
  });
});

it('a stream of events and a subscription end with the bridge', async () => {
  const stream = await bridge.request('/v1/events');
  const client = await bridge.modern();
  const subscription = await client.listen({ toolsListChanged: true });
  await bridge.bridge.close();
  await expect(stream.text()).resolves.toEqual(expect.any(String));
  await subscription.closed;
});
