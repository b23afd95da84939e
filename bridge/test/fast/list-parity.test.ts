// Lists of tools, over the fast path and over the SDK's front.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, filesystem, startTestBridge } from '../support/bridge.ts';
import { META, VERSION, createBothPaths } from './both-paths.ts';

let bridge: TestBridge;
let sessionId: string;
const { both } = createBothPaths(() => bridge);

beforeAll(async () => {
  const args = [join(import.meta.dirname, '../support/servers/mirror.mjs')];
  bridge = await startTestBridge({
    mcpServers: { filesystem, mirror: { command: process.execPath, args } },
    drawbridge: { toolsets: { code: ['mirror__*'] } },
  });
  await bridge.request('/v1/tools'); // waits until the servers have told theirs
  const { transport } = await bridge.legacy();
  sessionId = transport.sessionId ?? '';
}, 60_000);
afterAll(() => bridge.close());

describe('lists of tools', () => {
  const listed = (params?: Record<string, unknown>, id: unknown = 1) => ({
    modern: {
      headers: { 'MCP-Protocol-Version': VERSION, 'Mcp-Method': 'tools/list' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id,
        method: 'tools/list',
        params: { ...params, _meta: { ...META, ...(params?.['_meta'] as object) } },
      }),
    },
    legacy: {
      headers: { 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': '2025-11-25' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list', params }),
    },
  });

  test.each(['/mcp', '/mcp/code', '/servers/filesystem/mcp', '/servers/mirror/mcp'])(
    'are the same at %s',
    async (path) => {
      expect(await both({ ...listed().modern, path })).toMatchObject({ status: 200, isFast: true });
      expect(await both({ ...listed({}, 'a').modern, path })).toMatchObject({ isFast: true });
      // One tool of the mirror has a schema that is wrapped for legacy clients.
      const isFast = path === '/servers/filesystem/mcp';
      expect(await both({ ...listed().legacy, path })).toMatchObject({ status: 200, isFast });
      expect(await both({ ...listed({}, 'a').legacy, path })).toMatchObject({ isFast });
    },
  );

  test("that are not plainly asked for take the SDK's path", async () => {
    for (const params of [{ cursor: 'x' }, { _meta: { progressToken: 1 } }, { other: 1 }]) {
      expect(await both(listed(params).modern)).toMatchObject({ isFast: false });
      const sent = { ...listed(params).legacy, path: '/servers/filesystem/mcp' };
      expect(await both(sent)).toMatchObject({ isFast: false });
    }
    const named = listed().modern;
    await both({ ...named, headers: { ...named.headers, 'Mcp-Name': 'tools' } });
    await both({ ...named, headers: { ...named.headers, 'Mcp-Method': 'tools/call' } });
    await both({ ...named, path: '/mcp/none' });
    expect(await both({ ...named, key: `dbk_${'A'.repeat(43)}` })).toMatchObject({ status: 401 });
  });
});

// The last test here: afterwards the mirror is gone.
test('a list changes with what there is to list', async () => {
  const servers = async (): Promise<Set<string | undefined>> => {
    const { message = '{}', isFast } = await both({
      headers: { 'MCP-Protocol-Version': VERSION, 'Mcp-Method': 'tools/list' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/list',
        params: { _meta: META },
      }),
    });
    expect(isFast).toBe(true);
    const { result } = JSON.parse(message) as { result: { tools: { name: string }[] } };
    return new Set(result.tools.map(({ name }) => name.split('__')[0]));
  };
  expect(await servers()).toEqual(new Set(['filesystem', 'mirror']));
  await bridge.config({ mcpServers: { filesystem } });
  expect(await servers()).toEqual(new Set(['filesystem']));
});
