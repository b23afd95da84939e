import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type TestBridge,
  everything,
  filesystem,
  startTestBridge,
  talker,
} from '../support/bridge.ts';
import { makeCaller } from '../support/caller.ts';

let bridge: TestBridge;

beforeAll(async () => {
  bridge = await startTestBridge({
    mcpServers: { filesystem, everything, talker },
    drawbridge: { toolsets: { code: ['filesystem__*'] } },
  });
  await writeFile(join(bridge.folder, 'hello.txt'), 'hello from a file');
}, 60_000);
afterAll(() => bridge.close());

type Lists = { listTools(): Promise<{ tools: { name: string }[] }> };
type Content = { content: { type: string; text?: string }[]; isError?: boolean };
interface AnyClient extends Lists {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  getPrompt(params: {
    name: string;
    arguments?: Record<string, string>;
  }): Promise<{ messages: unknown[] }>;
}

const clients: [string, (path?: string) => Promise<AnyClient>][] = [
  ['a modern client', (path) => bridge.modern(path) as Promise<unknown> as Promise<AnyClient>], // both SDKs' clients have these methods, with types of their own
  ['a legacy client', async (path) => (await bridge.legacy(path)).client as unknown as AnyClient],
];

describe.each(clients)('%s', (_name, connect) => {
  test('lists the tools of all servers under their merged names', async () => {
    const { tools } = await (await connect()).listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toContain('filesystem__read_text');
    expect(names).toContain('everything__echo');
  });

  test('calls a built-in server, which sees the roots of the project', async () => {
    const client = await connect();
    const result = (await client.callTool({
      name: 'filesystem__read_text',
      arguments: { path: join(bridge.folder, 'hello.txt') },
    })) as Content;
    expect(result.isError ?? false).toBe(false);
    expect(JSON.stringify(result.content)).toContain('hello from a file');
  });

  test('cannot leave the roots through the bridge', async () => {
    const client = await connect();
    const result = (await client.callTool({
      name: 'filesystem__read_text',
      arguments: { path: '/etc/passwd' },
    })) as Content;
    expect(result.isError).toBe(true);
  });

  test("calls a stranger's server that was added by configuration only", async () => {
    const client = await connect();
    const result = (await client.callTool({
      name: 'everything__echo',
      arguments: { message: 'hi' },
    })) as Content;
    expect(result.content).toEqual([{ type: 'text', text: 'Echo: hi' }]);
  });

  test('reads a listed resource and gets a prompt', async () => {
    const client = await connect();
    const { resources } = await client.listResources();
    const [first] = resources;
    expect(first).toBeDefined();
    expect((await client.readResource({ uri: first?.uri ?? '' })).contents).toHaveLength(1);
    const { prompts } = await client.listPrompts();
    const prompt = prompts.find(({ name }) => name.endsWith('simple-prompt'))?.name ?? '';
    expect((await client.getPrompt({ name: prompt })).messages.length).toBeGreaterThan(0);
  });

  test('gets a JSON-RPC error that names what was meant for an unknown tool', async () => {
    const client = await connect();
    await expect(
      client.callTool({ name: 'filesystem__reed_text', arguments: {} }),
    ).rejects.toMatchObject({ code: -32_602 });
  });

  test('sees only its toolset, and one server under its own names', async () => {
    const code = await (await connect('/mcp/code')).listTools();
    expect(code.tools.every(({ name }) => name.startsWith('filesystem__'))).toBe(true);
    const server = await connect('/servers/everything/mcp');
    expect((await server.listTools()).tools.map(({ name }) => name)).toContain('echo');
    expect(await server.callTool({ name: 'echo', arguments: { message: 'x' } })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: x' }],
    });
  });

  // Holds: modern/deterministic-lists
  test('lists are byte for byte the same each time', async () => {
    // Of a server that does not change its own list, which "everything" does after its start.
    const client = await connect('/mcp/code');
    const first = JSON.stringify(await client.listTools());
    expect(JSON.stringify(await (await connect('/mcp/code')).listTools())).toBe(first);
  });
});

// Holds: legacy/progress-token
test('progress reaches the very call that asked for it', async () => {
  const modern = await bridge.modern();
  const { client: legacy } = await bridge.legacy();
  const run = async (
    call: (onprogress: (progress: { progress: number }) => void) => Promise<unknown>,
  ) => {
    const seen: number[] = [];
    await call(({ progress }) => seen.push(progress));
    return seen;
  };
  const params = {
    name: 'everything__trigger-long-running-operation',
    arguments: { duration: 0.4, steps: 4 },
  };
  const [a, b] = await Promise.all([
    run((onprogress) => modern.callTool(params, { onprogress })),
    run((onprogress) => legacy.callTool(params, undefined, { onprogress })),
  ]);
  expect(a).toEqual([1, 2, 3, 4]);
  expect(b).toEqual([1, 2, 3, 4]);
});

test.each(['modern', 'legacy'] as const)(
  'a cancelled call of a %s client is cancelled in the log too',
  async (era) => {
    const params = {
      name: 'everything__trigger-long-running-operation',
      arguments: { duration: 20, steps: 2 },
    };
    const events = await follow();
    const abort = new AbortController();
    const call =
      era === 'modern'
        ? (await bridge.modern()).callTool(params, { signal: abort.signal })
        : (await bridge.legacy()).client.callTool(params, undefined, { signal: abort.signal });
    const ended = call.catch((error: unknown) => error);
    const started = await events.until('call.started');
    abort.abort();
    expect(await ended).toBeInstanceOf(Error);
    const cancelled = await events.until('call.cancelled');
    expect(cancelled.payload['callId']).toBe(started.payload['callId']);
    events.close();
  },
);

test('a cancellation ends the call of its id only, and a number is no string of its digits', async () => {
  const caller = await makeCaller(bridge, { name: 'a key' });
  const session = await caller.initialize();
  const events = await follow();
  const params = {
    name: 'everything__trigger-long-running-operation',
    arguments: { duration: 1, steps: 1 },
  };
  const call = async (id: string | number) => {
    const answer = caller.post({ id, method: 'tools/call', params }, session);
    await events.until('call.started');
    return { answer: answer.then((response) => response.text()) };
  };
  const [text, number] = [await call('7'), await call(7)];
  const cancel = { method: 'notifications/cancelled', params: { requestId: '7' } };
  expect((await caller.post(cancel, session)).status).toBe(202);
  expect(await text.answer).toBe('');
  expect(await number.answer).toContain('completed');
  events.close();
});

// Holds: sessions/outlive-the-bridge
test('a legacy session goes on after the bridge was restarted, in the same run', async () => {
  const { client, transport } = await bridge.legacy();
  await client.callTool({ name: 'everything__echo', arguments: { message: 'before' } });
  const { sessionId } = transport;
  await bridge.restart();
  expect(
    await client.callTool({ name: 'everything__echo', arguments: { message: 'after' } }),
  ).toMatchObject({
    content: [{ text: 'Echo: after' }],
  });
  expect(transport.sessionId).toBe(sessionId);
});

// Holds: legacy/session-unknown
test('a session that was ended, or never was, is a 404, and a missing one a 400', async () => {
  const { transport } = await bridge.legacy();
  const { sessionId = '' } = transport;
  await transport.terminateSession();
  const post = (headers: Record<string, string>) =>
    bridge.request('/mcp', {
      method: 'POST',
      key: bridge.bridge.keys.member,
      headers: { Accept: 'application/json, text/event-stream', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
  expect((await post({ 'Mcp-Session-Id': sessionId })).status).toBe(404);
  expect((await post({ 'Mcp-Session-Id': 'made-up' })).status).toBe(404);
  expect((await post({})).status).toBe(400);
});

// Holds: legacy/session-owner
test("nobody goes on with somebody else's session", async () => {
  const { transport } = await bridge.legacy();
  const response = await bridge.request('/mcp', {
    method: 'POST',
    headers: {
      Accept: 'application/json, text/event-stream',
      'Mcp-Session-Id': transport.sessionId ?? '',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
  expect(response.status).toBe(404);
});

// Holds: legacy/list-changed
test('a changed catalog is announced to clients of both eras', async () => {
  const modern = await bridge.modern();
  const { client: legacy } = await bridge.legacy();
  const legacyHeard = new Promise<void>((resolve) => {
    legacy.fallbackNotificationHandler = async ({ method }) => {
      if (method === 'notifications/tools/list_changed') resolve();
    };
  });
  const modernHeard = new Promise<void>((resolve) => {
    modern.setNotificationHandler('notifications/tools/list_changed', () => resolve());
  });
  const subscription = await modern.listen({ toolsListChanged: true });
  await bridge.config({ mcpServers: { filesystem } });
  await Promise.all([modernHeard, legacyHeard]);
  await subscription.close();
  expect((await modern.listTools()).tools.some(({ name }) => name.startsWith('everything__'))).toBe(
    false,
  );
});

interface Event {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Follows the stream of all runs, one awaited event after the other. */
async function follow() {
  const abort = new AbortController();
  const response = await bridge.request('/v1/events', {
    headers: { Accept: 'text/event-stream' },
    signal: abort.signal,
  });
  const events = readEvents(response);
  return {
    async until(type: string): Promise<Event> {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error(`the stream ended before ${type}`);
        if (value.type === type) return value;
      }
    },
    close: () => abort.abort(),
  };
}

async function* readEvents(response: Response): AsyncGenerator<Event> {
  let text = '';
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const frames = (text + part).split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Event; // the bridge's own, checked by its schema in rest.test.ts
    }
  }
}
