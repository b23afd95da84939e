// Bodies and answers that are too large for the event loop: a worker parses them, and callers of every path get
// the same as for small ones.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';
import { META, SLOW, VERSION, createBothPaths } from '../fast/both-paths.ts';

const file = join(import.meta.dirname, '../support/servers/large.mjs');
const MB = 1024 * 1024;

let bridge: TestBridge;
let remotes: readonly ChildProcess[];
let sessionId: string;
const { send } = createBothPaths(() => bridge);

async function startRemote(kind: 'json' | 'events') {
  const child = spawn(process.execPath, [file, kind], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: `http://127.0.0.1:${port.toString().trim()}/mcp` };
}

beforeAll(async () => {
  const json = await startRemote('json');
  const events = await startRemote('events');
  remotes = [json.child, events.child];
  bridge = await startTestBridge({
    mcpServers: {
      pipe: { command: process.execPath, args: [file] },
      json: { type: 'http', url: json.url },
      events: { type: 'http', url: events.url },
      long: {
        command: process.execPath,
        args: [file],
        env: { LIST: '3000', LIST_ENTRY: '1000' },
      },
    },
  });
  await bridge.request('/v1/tools');
  await vi.waitFor(
    async () => {
      const listed = await bridge.request('/v1/tools?server=long&limit=1');
      if (!(await listed.text()).includes('long__large')) throw new Error('not listed yet');
    },
    { timeout: 20_000 },
  );
  const { transport } = await bridge.legacy();
  sessionId = transport.sessionId ?? '';
}, 60_000);
afterAll(async () => {
  await bridge.close();
  for (const remote of remotes) remote.kill();
});

function modern(name: string, args: object, more: Record<string, string> = {}) {
  return {
    headers: {
      'MCP-Protocol-Version': VERSION,
      'Mcp-Method': 'tools/call',
      'Mcp-Name': name,
      ...more,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: args, _meta: META },
    }),
  };
}
function legacy(name: string, args: object, more: Record<string, string> = {}) {
  return {
    headers: { 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': '2025-11-25', ...more },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: args },
    }),
  };
}
async function rest(name: string, args: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ arguments: args });
  const response = await bridge.request(`/v1/tools/${name}/call`, {
    method: 'POST',
    body,
    headers,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
function resultOf(message: string | undefined): Record<string, unknown> {
  const { result } = JSON.parse(message ?? '{}') as { result: Record<string, unknown> };
  return result;
}

describe.each(['pipe', 'json', 'events'])('a large answer of the server %s', (server) => {
  test.each(['text', 'names', 'numbers', 'meta', 'bare'])(
    'of %s is the same on every path',
    async (shape) => {
      const args = { shape, bytes: MB };
      const name = `${server}__large`;
      const fast = await send(modern(name, args));
      expect(fast).toMatchObject({ status: 200, isFast: true });
      const { content, structuredContent, resultType, _meta } = resultOf(fast.message);
      expect(resultType).toBe('complete');
      expect(_meta).toHaveProperty(['io.modelcontextprotocol/serverInfo', 'name'], 'drawbridge');
      expect((_meta as { own?: number }).own).toBe(shape === 'meta' ? 1 : undefined);
      expect(JSON.stringify({ content, structuredContent }).length).toBeGreaterThan(MB / 2);
      for (const other of [
        modern(name, args, SLOW),
        legacy(name, args),
        legacy(name, args, SLOW),
      ]) {
        const { status, message } = await send(other);
        expect(status).toBe(200);
        const result = resultOf(message);
        expect(result['content'] ?? []).toEqual(content);
        expect(result['structuredContent']).toEqual(structuredContent);
      }
      const { body } = await rest(name, args);
      expect(body).toMatchObject({ outcome: 'result' });
      const { result } = body as { result: Record<string, unknown> };
      expect(result['content'] ?? []).toEqual(content);
      expect(result['structuredContent']).toEqual(structuredContent);
    },
  );

  test('reaches its caller whole, and the log without its secrets', async () => {
    const { body } = await rest(`${server}__large`, { shape: 'secret', bytes: MB });
    expect(JSON.stringify(body['result'])).toContain('hunter2hunter2');
    const events = await bridge.request(`/v1/runs/${String(body['runId'])}/events`);
    const event = (
      (await events.json()) as { events: { type: string; payload: unknown }[] }
    ).events.find(({ type }) => type === 'call.completed');
    const { result, size } = (event?.payload ?? {}) as {
      result: Record<string, unknown>;
      size: number;
    };
    expect(size).toBeGreaterThan(MB);
    const artifact = await (
      await bridge.request(`/v1/artifacts/${String(result['artifact'])}`)
    ).text();
    expect(artifact).toContain('password=[redacted]');
    expect(artifact.length).toBe(result['size']);
    expect(String(result['preview'])).toBe(artifact.slice(0, 1_024));
    expect(String(result['preview'])).not.toContain('hunter2');
  });

  test('comes after large arguments that reach the server whole', async () => {
    const args = { text: 'é"\\'.repeat(MB / 4), more: [1, { a: null }] };
    const size = String(JSON.stringify(args).length);
    const name = `${server}__size`;
    for (const sent of [modern(name, args), modern(name, args, SLOW), legacy(name, args)]) {
      const { message } = await send(sent);
      expect(resultOf(message)['content']).toEqual([{ type: 'text', text: size }]);
    }
    const { body } = await rest(name, args);
    expect(body).toMatchObject({ result: { content: [{ text: size }] } });
  });

  test('that would take all memory fails alone', async () => {
    const { message } = await send(modern(`${server}__large`, { shape: 'arrays', bytes: 30 * MB }));
    expect(message).toMatch(/upstream\/too_large|upstream\/(protocol|crashed|outcome_unknown)/);
    const { message: next } = await send(modern(`${server}__size`, {}));
    expect(resultOf(next)).toHaveProperty('content');
  });
});

test("a large resource is read over the SDK's path", async () => {
  const client = await bridge.modern();
  const { contents } = await client.readResource({ uri: 'large://a' });
  expect(contents).toEqual([{ uri: 'large://a', text: 'r'.repeat(300_000) }]);
});

test('a list that comes in one large message is whole and in order', async () => {
  const client = await bridge.modern('/servers/long/mcp');
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name).filter((name) => name.startsWith('t'));
  expect(names).toEqual(Array.from({ length: 3_000 }, (_, index) => `t${index}`));
});

describe('a large body', () => {
  test('that is no JSON is refused like a small one', async () => {
    const { body, ...sent } = modern('pipe__size', { text: 'x'.repeat(MB) });
    const { status, message } = await send({ ...sent, body: body.slice(0, -1) });
    expect(status).toBe(400);
    expect(message).toContain('not valid JSON');
  });

  test('may be large in its arguments only', async () => {
    const sent = modern('pipe__size', {});
    const body = sent.body.replace('"arguments":{}', `"arguments":{},"other":"${'x'.repeat(MB)}"`);
    const { status, message } = await send({ ...sent, body });
    expect(status).toBe(413);
    expect(message).toContain('Beside its arguments');
  });

  test('with an Idempotency-Key is answered once', async () => {
    const args = { text: 'x'.repeat(MB) };
    const first = await rest('pipe__size', args, { 'Idempotency-Key': 'large' });
    const again = await rest('pipe__size', args, { 'Idempotency-Key': 'large' });
    expect(again).toEqual(first);
    const other = await rest(
      'pipe__size',
      { text: 'y'.repeat(MB) },
      { 'Idempotency-Key': 'large' },
    );
    expect(other.status).toBe(409);
  });

  test('with an Idempotency-Key of a body that differs in a secret only is refused', async () => {
    const text = 'x'.repeat(MB);
    const key = { 'Idempotency-Key': 'large secret' };
    await rest('pipe__size', { text, note: 'password=hunter2hunter2' }, key);
    const other = await rest('pipe__size', { text, note: 'password=hunter3hunter3' }, key);
    expect(other.status).toBe(409);
  });
});
