// Each request is sent over the fast path and over the SDK's front; the answers and the events must be the same.
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toRootsHeader } from '../../src/roots-header.ts';
import { SECRET, type TestBridge, filesystem, startTestBridge } from '../support/bridge.ts';
import { META, type Sent, SLOW, VERSION, createBothPaths } from './both-paths.ts';

let bridge: TestBridge;
const { send, both } = createBothPaths(() => bridge);
let session: { id: string; runId: string };

beforeAll(async () => {
  const mirror = {
    command: process.execPath,
    args: [join(import.meta.dirname, '../support/servers/mirror.mjs')],
  };
  bridge = await startTestBridge({
    mcpServers: { filesystem, mirror },
    drawbridge: {
      servers: { mirror: { effects: { wrapped: 'read' } } },
      toolsets: { code: ['mirror__*'] },
    },
  });
  await bridge.request('/v1/tools'); // waits until the servers have told theirs
  const { transport } = await bridge.legacy();
  const { runs } = (await (await bridge.request('/v1/runs?kind=session&limit=1')).json()) as {
    runs: { id: string }[];
  };
  session = { id: transport.sessionId ?? '', runId: runs[0]?.id ?? '' };
}, 60_000);
afterAll(() => bridge.close());

function modern(
  params: Record<string, unknown>,
  overrides: { id?: unknown; meta?: object; headers?: Record<string, string> } = {},
): Sent {
  const meta = { ...META, ...overrides.meta };
  return {
    headers: {
      'MCP-Protocol-Version': VERSION,
      'Mcp-Method': 'tools/call',
      'Mcp-Name': String(params['name']),
      ...overrides.headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: overrides.id ?? 1,
      method: 'tools/call',
      params: { ...params, _meta: meta },
    }),
  };
}

function legacy(params: Record<string, unknown>, id: unknown = 1): Sent {
  return {
    headers: { 'Mcp-Session-Id': session.id, 'MCP-Protocol-Version': '2025-11-25' },
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
  };
}

function mirror(answer: unknown, name = 'mirror__mirror') {
  return { name, arguments: { answer } };
}
const plain = { result: { content: [{ type: 'text', text: 'plain' }] } };

describe.each([
  ['modern', (params: Record<string, unknown>) => modern(params)],
  ['legacy', (params: Record<string, unknown>) => legacy(params)],
] as const)('%s calls', (_era, request) => {
  test('a plain call takes the fast path', async () => {
    expect(await both(request(mirror(plain)))).toMatchObject({ status: 200, isFast: true });
  });

  test('a built-in tool is answered alike', async () => {
    expect(await both(request({ name: 'filesystem__roots', arguments: {} }))).toMatchObject({
      isFast: true,
    });
    expect(await both(request({ name: 'filesystem__roots' }))).toMatchObject({ isFast: true });
  });

  test('the folders of a local client are its own', async () => {
    const withRoots = (header: string): Sent => {
      const sent = request({ name: 'filesystem__roots', arguments: {} });
      return { ...sent, headers: { ...sent.headers, 'Drawbridge-Roots': header } };
    };
    const answer = await both(withRoots(toRootsHeader([import.meta.dirname], SECRET)));
    expect(answer).toMatchObject({ status: 200, isFast: true });
    expect(answer.message).toContain(import.meta.dirname);
    const forged = await both(withRoots(toRootsHeader([import.meta.dirname], 'another secret')));
    expect(forged).toMatchObject({ status: 403, isFast: false });
  });

  test.each([
    ['a tool error', { result: { content: [{ type: 'text', text: 'no' }], isError: true } }],
    ['no content', { result: {} }],
    [
      'an order of keys of its own',
      { result: { isError: false, structuredContent: { b: 1, a: 2 }, content: [], extra: 1 } },
    ],
    ['structured content that is a list', { result: { structuredContent: [1, 2] } }],
    ['structured content that is a number', { result: { content: [], structuredContent: 7 } }],
    ['metadata', { result: { content: [], _meta: { 'a.b/c': { d: 1 } } } }],
    [
      'a server that names itself',
      {
        result: {
          content: [],
          _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'x', version: '1' } },
        },
      },
    ],
    [
      'all kinds of content',
      {
        result: {
          content: [
            { type: 'image', data: 'aGk=', mimeType: 'image/png' },
            { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' },
            { type: 'resource_link', uri: 'a://b', name: 'c' },
            { type: 'resource', resource: { uri: 'a://b', text: 'c' } },
          ],
        },
      },
    ],
    ['content of no known kind', { result: { content: [{ type: 'smell', strength: 1 }] } }],
    ['content that is no list', { result: { content: 'text' } }],
    [
      'a result that asks',
      {
        result: {
          resultType: 'input_required',
          inputRequests: { a: { method: 'elicitation/create', params: {} } },
        },
      },
    ],
    ['a result type that nobody knows', { result: { resultType: 'later', content: [] } }],
    ['an error', { error: { code: -32_000, message: 'it failed', data: { why: 'so' } } }],
    ['an error without data', { error: { code: -32_602, message: 'wrong params' } }],
    ['an error with a reserved code', { error: { code: -32_021, message: 'needs more' } }],
    [
      'characters of all kinds',
      { result: { content: [{ type: 'text', text: '\u0000\u2028\ud83d\ude42\ud800"\\' }] } },
    ],
  ])('an answer with %s is the same', async (_name, answer) => {
    await both(request(mirror(answer)));
    await both(request(mirror(answer, 'mirror__wrapped')));
  });

  test.each([
    ['{ "content": [ {"type": "text", "text": "spaced"} ] }'],
    ['{"content":[{"type":"text","text":"\\u0041\\/"}]}'],
    ['{"content":[],"structuredContent":{"2":1.0,"1":1e2}}'],
    ['{"content":[],"isError":true,"isError":false}'],
    ['{"content":[]} '],
    ['{}'],
  ])('a result that is written %s says the same', async (raw) => {
    const sent = request(mirror({ raw }));
    const fast = await send(sent);
    const slow = await send({ ...sent, headers: { ...sent.headers, ...SLOW } });
    expect([fast.isFast, slow.isFast]).toEqual([true, false]);
    expect(JSON.parse(fast.message ?? '')).toEqual(JSON.parse(slow.message ?? ''));
  });

  test('names that lead nowhere are refused alike', async () => {
    await both(request({ name: 'mirror__none', arguments: {} }));
    await both({ ...request(mirror(plain)), path: '/mcp/none' });
    await both({ ...request(mirror(plain)), path: '/servers/none/mcp' });
  });

  test('other views are answered alike', async () => {
    expect(await both({ ...request(mirror(plain)), path: '/mcp/code' })).toMatchObject({
      isFast: true,
    });
    expect(
      await both({ ...request({ name: 'filesystem__roots' }), path: '/mcp/code' }),
    ).toMatchObject({ isFast: false });
    expect(
      await both({ ...request(mirror(plain, 'mirror')), path: '/servers/mirror/mcp' }),
    ).toMatchObject({ isFast: true });
  });

  test("a tool that takes arguments from headers takes the SDK's path", async () => {
    expect(await both(request(mirror(plain, 'mirror__headed')))).toMatchObject({ isFast: false });
  });

  test('keys that are not good are refused alike', async () => {
    expect(await both({ ...request(mirror(plain)), key: `dbk_${'A'.repeat(43)}` })).toMatchObject({
      status: 401,
    });
  });

  test('bodies that are not plainly a call are refused alike', async () => {
    const { body, ...rest } = request(mirror(plain));
    const parsed = JSON.parse(body) as Record<string, unknown>;
    const variants = [
      '{',
      '[]',
      'null',
      `[${body}]`,
      { ...parsed, id: null },
      { ...parsed, id: 1.5 },
      { ...parsed, jsonrpc: '1.0' },
      { ...parsed, method: 'tools/list' },
      { ...parsed, method: 'none' },
      { ...parsed, extra: 1 },
      { ...parsed, params: undefined },
      { ...parsed, params: { ...(parsed['params'] as object), name: 7 } },
      { ...parsed, params: { ...(parsed['params'] as object), name: '' } },
      { ...parsed, params: { ...(parsed['params'] as object), arguments: [] } },
      { ...parsed, params: { ...(parsed['params'] as object), arguments: null } },
      { ...parsed, params: { ...(parsed['params'] as object), _meta: 7 } },
      { ...parsed, params: { ...(parsed['params'] as object), task: {} } },
    ];
    for (const variant of variants) {
      await both({
        ...rest,
        body: typeof variant === 'string' ? variant : JSON.stringify(variant),
      });
    }
  });
});

describe('modern requests that are not plain', () => {
  test.each([
    [
      'a name in the header that is another',
      modern(mirror(plain), { headers: { 'Mcp-Name': 'other' } }),
    ],
    [
      'a method in the header that is another',
      modern(mirror(plain), { headers: { 'Mcp-Method': 'tools/list' } }),
    ],
    [
      'a version in the body that is another',
      modern(mirror(plain), { meta: { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } }),
    ],
    [
      'a version that nobody speaks',
      modern(mirror(plain), { headers: { 'MCP-Protocol-Version': '2099-01-01' } }),
    ],
    [
      'capabilities',
      modern(mirror(plain), {
        meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } },
      }),
    ],
    [
      'capabilities that are none',
      modern(mirror(plain), { meta: { 'io.modelcontextprotocol/clientCapabilities': 7 } }),
    ],
    [
      'a log level',
      modern(mirror(plain), { meta: { 'io.modelcontextprotocol/logLevel': 'debug' } }),
    ],
    ['a progress token', modern(mirror(plain), { meta: { progressToken: 1 } })],
    ['a key of its own', modern(mirror(plain), { meta: { 'io.drawbridge/caller': { key: 'x' } } })],
  ])("with %s are answered on the SDK's path", async (_name, sent) => {
    expect(await both(sent)).toMatchObject({ isFast: false });
  });
});

describe('legacy requests that are not plain', () => {
  test.each([
    ['no such session', { 'Mcp-Session-Id': 'AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA' }],
    ['another version', { 'MCP-Protocol-Version': '2025-06-18' }],
    ['a version that nobody speaks', { 'MCP-Protocol-Version': '1999-01-01' }],
  ])('with %s are answered alike', async (_name, headers) => {
    const sent = legacy(mirror(plain));
    await both({ ...sent, headers: { ...sent.headers, ...headers } });
  });
});

test('the events of both paths are the same', async () => {
  const all = async () => {
    const events: { type: string; payload: Record<string, unknown> }[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page = (await (
        await bridge.request(`/v1/runs/${session.runId}/events?after=${after}&limit=1000`)
      ).json()) as { events: typeof events; nextAfter?: number };
      events.push(...page.events);
      after = page.nextAfter;
    }
    return events.map(
      ({ type, payload: { callId: _callId, requestId: _requestId, ...payload } }) => ({
        type,
        payload,
      }),
    );
  };
  /** All events that a request adds to its run. */
  const added = async (sent: Sent) => {
    const before = await all();
    await send(sent);
    const after = await all();
    expect(after.slice(0, before.length)).toEqual(before);
    return after.slice(before.length);
  };
  for (const answer of [
    plain,
    { error: { code: -32_000, message: 'no' } },
    { result: { structuredContent: [1] } },
    { result: { resultType: 'later', content: [] } },
  ]) {
    const sent = legacy(mirror(answer));
    const fast = await added(sent);
    expect(fast.map(({ type }) => type)).toEqual([
      'call.started',
      'error' in answer ? 'call.failed' : 'call.completed',
    ]);
    expect(await added({ ...sent, headers: { ...sent.headers, ...SLOW } })).toEqual(fast);
  }
});

// Holds: fast/same
test('whatever is asked and answered, both paths say the same', async () => {
  const id = fc.oneof(fc.integer(), fc.string(), fc.constant(undefined), fc.double());
  const result = fc.record(
    {
      content: fc.oneof(
        fc.array(
          fc.record(
            {
              type: fc.constantFrom('text', 'image', 'audio', 'none'),
              text: fc.string({ unit: 'binary' }),
            },
            { requiredKeys: ['type'] },
          ),
          { maxLength: 3 },
        ),
        fc.jsonValue(),
      ),
      isError: fc.oneof(fc.boolean(), fc.jsonValue()),
      structuredContent: fc.jsonValue(),
      resultType: fc.constantFrom('complete', 'input_required', 'x'),
      _meta: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const answer = fc.oneof(
    { weight: 4, arbitrary: fc.record({ result }) },
    {
      weight: 1,
      arbitrary: fc.record({
        error: fc.record(
          { code: fc.integer(), message: fc.string(), data: fc.jsonValue() },
          { requiredKeys: ['code', 'message'] },
        ),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(id, answer, fc.boolean(), async (anyId, anyAnswer, isModern) => {
      const params = mirror(anyAnswer);
      await both(isModern ? modern(params, { id: anyId }) : legacy(params, anyId));
    }),
    { numRuns: 150 },
  );
}, 120_000);
