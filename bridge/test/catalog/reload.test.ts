// A bridge whose settings change while it serves.
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;
beforeEach(async () => {
  bridge = await startTestBridge(settings('first'));
});
afterEach(() => bridge.close());

/** The same server, which is another one by an argument that it does not look at. */
function settings(word: string): object {
  return { mcpServers: settingsOf(word) };
}

function settingsOf(word: string): Record<string, object> {
  return {
    fixture: { ...modernServer, args: [...modernServer.args, `--word=${word}`] },
    [`also-${word}`]: { ...modernServer, disabled: true },
  };
}

async function listed(): Promise<string[]> {
  const response = await bridge.request('/v1/tools?server=fixture');
  const { tools } = (await response.json()) as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}
async function servers(): Promise<string[]> {
  const body = (await (await bridge.request('/v1/servers')).json()) as {
    servers: { name: string }[];
  };
  return body.servers.map(({ name }) => name);
}

test('settings that change a hundred times a second are taken over, the last of them for good', async () => {
  // It takes four seconds to end, and each change ends it.
  const slow = (word: string): object => {
    const args = [...modernServer.args, '--ignore-sigterm', `--word=${word}`];
    return { mcpServers: { ...settingsOf(word), fixture: { ...modernServer, args } } };
  };
  await bridge.config(slow('first'));
  await bridge.request('/v1/tools');
  const configured: Promise<void>[] = [];
  let count = 0;
  const changing = setInterval(() => configured.push(bridge.config(slow(`n${(count += 1)}`))), 10);
  await wait(2_000);
  clearInterval(changing);
  const begin = performance.now();
  await Promise.all(configured);
  expect(configured.length).toBeGreaterThan(20);
  // What waits is the latest, not all of them.
  expect(performance.now() - begin).toBeLessThan(20_000);
  expect(await servers()).toContain(`also-n${count}`);
}, 60_000);

test.each(['modern', 'legacy'] as const)(
  'a server whose entry changes keeps its tools listed, and calls of a %s client wait for it',
  async (era) => {
    const client = era === 'modern' ? await bridge.modern() : (await bridge.legacy()).client;
    const call = async () =>
      JSON.stringify(
        await client.callTool({ name: 'fixture__echo', arguments: { text: 'hello' } }),
      );
    expect(await call()).toContain('hello');
    const before = await listed();
    expect(before).toContain('fixture__echo');
    let isOver = false;
    const asking = (async () => {
      for (let count = 0; !isOver; count += 1) {
        expect(await listed()).toEqual(before);
        const { tools } = await client.listTools();
        expect(tools.some(({ name }) => name === 'fixture__echo')).toBe(true);
      }
    })();
    const calling = (async () => {
      while (!isOver) expect(await call()).toContain('hello');
    })();
    for (const word of ['second', 'third', 'fourth']) {
      await bridge.config(settings(word));
      expect(await call()).toContain('hello');
    }
    isOver = true;
    await Promise.all([asking, calling]);
  },
  60_000,
);

test('a server that does not start with its changed entry stays listed, and its calls say what is wrong', async () => {
  const client = await bridge.modern();
  const call = () => client.callTool({ name: 'fixture__echo', arguments: { text: 'hello' } });
  await call();
  await bridge.config({
    mcpServers: { fixture: { command: process.execPath, args: ['-e', '1'] } },
  });
  await expect(call()).rejects.toThrow('fixture is not available');
  expect(await listed()).toContain('fixture__echo');
  await bridge.config(settings('fixed'));
  expect(JSON.stringify(await call())).toContain('hello');
}, 60_000);
