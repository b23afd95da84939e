import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '@modelcontextprotocol/client';
import { defineServer } from '../src/index.ts';
import { connect, toCallerMeta, type ConnectOptions } from '../src/testing.ts';
import { changes, echo, sample, waits } from './sample.ts';

const open: (() => Promise<void>)[] = [];
async function client(options: ConnectOptions = {}): Promise<Client> {
  const connection = await connect(sample, options);
  open.push(connection.close);
  return connection.client;
}
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function textOf(result: { content: readonly { type: string }[] }): string {
  return result.content.map((part) => ('text' in part ? String(part.text) : '')).join('');
}

describe.each(['modern', 'legacy'] as const)('a %s client', (era) => {
  it('sees tools with annotations derived from their effect', async () => {
    const { tools } = await (await client({ era })).listTools();
    const hints = Object.fromEntries(tools.map((tool) => [tool.name, tool.annotations]));
    expect(hints['echo']).toEqual({ readOnlyHint: true, openWorldHint: false });
    expect(hints['flood']).toMatchObject({ readOnlyHint: false, idempotentHint: true });
    expect(hints['crash']).toMatchObject({ destructiveHint: false, idempotentHint: false });
    expect(hints['refuse']).toMatchObject({ destructiveHint: true, openWorldHint: true });
  });

  it('gets structured content and readable text', async () => {
    const result = await (
      await client({ era })
    ).callTool({
      name: 'echo',
      arguments: { path: 'ab', limit: 2 },
    });
    expect(result.structuredContent).toEqual({ said: 'ab', times: 2 });
    expect(textOf(result)).toBe('abab');
  });

  it('is told the right name of a guessed argument', async () => {
    const result = await (
      await client({ era })
    ).callTool({
      name: 'echo',
      arguments: { file: 'a', max: 2 },
    });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('"file" is not an argument here; use "path"');
    expect(textOf(result)).toContain('"max" is not an argument here; use "limit"');
    expect(textOf(result)).toContain('path (required), limit');
  });

  it('is told what was wrong, what is allowed and what to try', async () => {
    const result = await (await client({ era })).callTool({ name: 'refuse' });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toBe('It may not be.\nAllowed: nothing\nTry: something else');
  });

  it('gets neither stack nor secret of a defect, and the server goes on', async () => {
    const logged: unknown[] = [];
    const caller = await client({
      era,
      log: (message, details) => logged.push([message, details]),
    });
    const result = await caller.callTool({ name: 'crash' });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result)).not.toMatch(/hunter2|secret|\.ts/);
    expect(logged).toHaveLength(1);
    expect((await caller.callTool({ name: 'echo', arguments: { path: 'x' } })).isError).toBeFalsy();
  });

  it('gets long text cut between characters, with how to get the rest', async () => {
    const text = textOf(await (await client({ era })).callTool({ name: 'flood' }));
    expect(Buffer.byteLength(text)).toBeLessThan(256 * 1024 + 200);
    expect(text).not.toContain('\uFFFD');
    expect(text).toMatch(/Cut at 262144 bytes of 400000\. Ask for page 2\.\]$/);
  });

  it('reaches a call with its cancellation, and hears its progress', async () => {
    const caller = await client({ era });
    const stop = new AbortController();
    const cancelled = once(waits, 'cancelled');
    let call: Promise<unknown> | undefined;
    const heard = await new Promise((resolve) => {
      call = caller.callTool({ name: 'wait' }, { signal: stop.signal, onprogress: resolve });
      call.catch(resolve);
    });
    expect(heard).toEqual({ progress: 1, total: 2, message: 'waiting' });
    stop.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await cancelled;
  });

  it('reads resources, and is refused those that do not exist', async () => {
    const caller = await client({ era });
    expect((await caller.listResources()).resources).toHaveLength(1);
    expect((await caller.listResourceTemplates()).resourceTemplates).toHaveLength(1);
    const { contents } = await caller.readResource({ uri: 'note://open' });
    expect(contents[0]).toMatchObject({ text: 'hello' });
    await expect(caller.readResource({ uri: 'note://shut' })).rejects.toMatchObject({
      code: -32602,
    });
  });

  it('gets prompts', async () => {
    const caller = await client({ era });
    expect((await caller.listPrompts()).prompts[0]).toMatchObject({ name: 'greet' });
    const { messages } = await caller.getPrompt({ name: 'greet', arguments: { who: 'Ada' } });
    expect(messages[0]?.content).toMatchObject({ text: 'Greet Ada.' });
  });

  it('is told by a protocol error that a tool does not exist', async () => {
    await expect((await client({ era })).callTool({ name: 'fly' })).rejects.toMatchObject({
      code: -32602,
    });
  });

  it('is believed about who calls only with the key of the bridge', async () => {
    const caller = {
      key: 'k1',
      tenant: 't',
      principal: 'p',
      project: 'j',
      roots: ['/r'],
      readOnly: [],
      run: 'u',
    };
    const ask = async (key: string, bridgeKey?: string) => {
      const asker = await client({
        era,
        roots: ['/local'],
        ...(bridgeKey !== undefined && { bridgeKey }),
      });
      const { structuredContent } = await asker.callTool({
        name: 'whoami',
        _meta: toCallerMeta({ ...caller, key }),
      });
      return structuredContent;
    };
    expect(await ask('k1', 'k1')).toEqual({ tenant: 't', roots: ['/r'] });
    expect(await ask('k2', 'k1')).toEqual({ tenant: 'local', roots: ['/local'] });
    expect(await ask('k1')).toEqual({ tenant: 'local', roots: ['/local'] });
    expect(await ask('', '')).toEqual({ tenant: 'local', roots: ['/local'] });
  });
});

function change(): void {
  for (const each of changes) each();
}

it('tells a legacy subscriber of a change once, and stops after unsubscribing', async () => {
  const caller = await client({ era: 'legacy' });
  const heard: string[] = [];
  const first = new Promise<void>((resolve) => {
    caller.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      heard.push(params.uri);
      resolve();
    });
  });
  await caller.subscribeResource({ uri: 'note://open' });
  change();
  change();
  await first;
  await caller.unsubscribeResource({ uri: 'note://open' });
  expect(changes.size).toBe(0);
  expect(heard).toEqual(['note://open']);
  await expect(caller.subscribeResource({ uri: 'note://shut' })).rejects.toMatchObject({
    code: -32602,
  });
});

it('tells a modern listener of a change, and refuses a resource it may not watch', async () => {
  const caller = await client();
  const told = new Promise<string>((resolve) => {
    caller.setNotificationHandler('notifications/resources/updated', ({ params }) =>
      resolve(params.uri),
    );
  });
  const subscription = await caller.listen({ resourceSubscriptions: ['note://open'] });
  change();
  expect(await told).toBe('note://open');
  await subscription.close();
  await expect(caller.listen({ resourceSubscriptions: ['note://shut'] })).rejects.toThrow(
    /no such note/,
  );
});

it('refuses two tools of one name', () => {
  expect(() => defineServer({ name: 'x', version: '1', tools: [echo, echo] })).toThrow(/two tools/);
});
