import { describe, expect, test, vi } from 'vitest';
import type { View } from '../../src/calls/call.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { toDefinitionHash } from '../../src/catalog/definition-hash.ts';
import type { UpstreamConfig } from '../../src/upstreams/upstream.ts';
import { listing, upstreamConfig } from '../support/listings.ts';

const all: View = { kind: 'all' };

function toolCall(name: string, view: View = all) {
  return { method: 'tools/call' as const, name, params: { name }, view };
}

function names(list: readonly Readonly<Record<string, unknown>>[]): unknown[] {
  return list.map((item) => item['name'] ?? item['uri']);
}

describe('the merged view', () => {
  test('puts the server before each name, in an order that does not depend on who answered first', async () => {
    const upstreams = [upstreamConfig('beta'), upstreamConfig('alpha')];
    const orders: string[] = [];
    for (const order of [
      ['alpha', 'beta'],
      ['beta', 'alpha'],
    ]) {
      const catalog = createCatalog({ now: () => 0 });
      await catalog.configure({ upstreams, toolsets: {} });
      for (const name of order)
        await catalog.accept(upstreamConfig(name), listing({ tools: ['two', 'one'] }), []);
      orders.push(JSON.stringify(catalog.list(all)));
    }
    expect(orders[0]).toBe(orders[1]);
    expect(names(JSON.parse(orders[0] ?? '').tools)).toEqual([
      'alpha__two',
      'alpha__one',
      'beta__two',
      'beta__one',
    ]);
  });

  test('routes a call to the server and the name that the server knows', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('files')], toolsets: {} });
    await catalog.accept(upstreamConfig('files'), listing({ tools: ['read'] }), []);
    expect(catalog.find(toolCall('files__read'))).toMatchObject({
      upstream: 'files',
      name: 'read',
    });
  });

  test('shortens a name over 64 characters to the same name each time, and routes it', async () => {
    const long = 'a_tool_whose_name_goes_on_and_on_until_no_client_would_take_it_any_more';
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('server')], toolsets: {} });
    await catalog.accept(upstreamConfig('server'), listing({ tools: [long, `${long}_too`] }), []);
    const [first, second] = names(catalog.list(all).tools) as string[];
    expect(first).toHaveLength(64);
    expect(first).toMatch(/^server__a_tool_[a-z_]+_[0-9a-f]{8}$/);
    expect(second).not.toBe(first);
    expect(catalog.find(toolCall(first ?? ''))).toMatchObject({ name: long });
  });

  test('gives a name with characters that models refuse one that they take', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('a.b')], toolsets: {} });
    await catalog.accept(upstreamConfig('a.b'), listing({ tools: ['say/hello', 'say.hello'] }), []);
    const found = names(catalog.list(all).tools) as string[];
    expect(new Set(found).size).toBe(2);
    for (const name of found) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });

  test('gives a URI that two servers list to the one that had it first, and each its own under its own view', async () => {
    let time = 0;
    const catalog = createCatalog({ now: () => time });
    await catalog.configure({
      upstreams: [upstreamConfig('a'), upstreamConfig('b')],
      toolsets: {},
    });
    await catalog.accept(upstreamConfig('a'), listing({ resources: ['doc://same'] }), []);
    time += 1;
    await catalog.accept(upstreamConfig('b'), listing({ resources: ['doc://same'] }), []);
    const read = (view: View) =>
      catalog.find({ method: 'resources/read', name: 'doc://same', params: {}, view });
    expect(names(catalog.list(all).resources)).toEqual(['doc://same']);
    expect(read(all)).toMatchObject({ upstream: 'a' });
    expect(read({ kind: 'server', name: 'b' })).toMatchObject({ upstream: 'b' });
  });

  test('gives it to the other one when the first is another configuration by now', async () => {
    let time = 0;
    const catalog = createCatalog({ now: () => (time += 1) });
    const offered = listing({ resources: ['doc://same'] });
    const configure = (first: UpstreamConfig) =>
      catalog.configure({ upstreams: [first, upstreamConfig('b')], toolsets: {} });
    await configure(upstreamConfig('a'));
    await catalog.accept(upstreamConfig('a'), offered, []);
    await catalog.accept(upstreamConfig('b'), offered, []);
    const changed = upstreamConfig('a', { fingerprint: 'other' });
    await configure(changed);
    await catalog.accept(changed, offered, []);
    expect(
      catalog.find({ method: 'resources/read', name: 'doc://same', params: {}, view: all }),
    ).toMatchObject({ upstream: 'b' });
  });

  test('reads a URI that nobody lists from the server whose template matches it', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('docs')], toolsets: {} });
    await catalog.accept(
      upstreamConfig('docs'),
      listing({ resourceTemplates: ['doc://{id}/text'] }),
      [],
    );
    const read = (name: string) =>
      catalog.find({ method: 'resources/read', name, params: {}, view: all });
    expect(read('doc://7/text')).toMatchObject({
      upstream: 'docs',
      name: 'doc://7/text',
      effect: 'read',
    });
    expect(read('doc://7/other')).toMatchObject({
      code: -32_602,
      data: { code: 'catalog/unknown_resource' },
    });
  });

  test('names near matches for a tool that does not exist', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('files')], toolsets: {} });
    await catalog.accept(upstreamConfig('files'), listing({ tools: ['read_text', 'write'] }), []);
    expect(catalog.find(toolCall('read_text'))).toMatchObject({
      code: -32_602,
      message: 'Unknown tool: read_text. Did you mean files__read_text?',
    });
  });
});

describe('other views', () => {
  const build = async () => {
    const catalog = createCatalog();
    await catalog.configure({
      upstreams: [upstreamConfig('files'), upstreamConfig('git')],
      toolsets: { code: ['files__*', 'git__log'] },
    });
    await catalog.accept(
      upstreamConfig('files'),
      listing({ tools: ['read', 'write'], resources: ['file:///a'] }),
      [],
    );
    await catalog.accept(
      upstreamConfig('git'),
      listing({ tools: ['log', 'push'], resources: ['git://b'] }),
      [],
    );
    return catalog;
  };

  test('a toolset offers what its patterns name and calls nothing else', async () => {
    const catalog = await build();
    const code: View = { kind: 'toolset', name: 'code' };
    expect(names(catalog.list(code).tools)).toEqual(['files__read', 'files__write', 'git__log']);
    expect(names(catalog.list(code).resources)).toEqual(['file:///a']);
    expect(catalog.find(toolCall('git__push', code))).toMatchObject({
      data: { code: 'catalog/unknown_tool' },
    });
  });

  test('a server view has the names of the server', async () => {
    const catalog = await build();
    const git: View = { kind: 'server', name: 'git' };
    expect(names(catalog.list(git).tools)).toEqual(['log', 'push']);
    expect(catalog.find(toolCall('push', git))).toMatchObject({ upstream: 'git', name: 'push' });
    expect(catalog.find(toolCall('git__push', git))).toMatchObject({
      data: { code: 'catalog/unknown_tool' },
    });
  });

  test('says which views there are', async () => {
    const catalog = await build();
    expect(catalog.has({ kind: 'toolset', name: 'code' })).toBe(true);
    expect(catalog.has({ kind: 'toolset', name: 'toString' })).toBe(false);
    expect(catalog.has({ kind: 'server', name: 'none' })).toBe(false);
  });
});

describe('effects', () => {
  const readOnly = {
    name: 'look',
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true },
  };
  const effectOf = async (options: Parameters<typeof upstreamConfig>[1], approved = false) => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('s', options)], toolsets: {} });
    const hash = toDefinitionHash(readOnly);
    const pins = [{ kind: 'tool' as const, name: 'look', hash, approved, firstSeenAt: 0 }];
    await catalog.accept(upstreamConfig('s'), listing({ tools: [readOnly] }), pins);
    return catalog.find(toolCall('s__look'));
  };

  // Holds: legacy/hints-are-claims
  test("a stranger's read-only hint is not believed", async () => {
    expect(await effectOf({})).toMatchObject({ effect: 'unknown' });
  });
  test("a built-in server's hint is believed", async () => {
    expect(await effectOf({ builtin: true })).toMatchObject({ effect: 'read' });
  });
  test('the hint of an approved pin is believed', async () => {
    expect(await effectOf({}, true)).toMatchObject({ effect: 'read' });
  });
  test('settings have the last word', async () => {
    expect(
      await effectOf({ builtin: true, options: { effects: { 'lo*': 'destructive' } } }),
    ).toMatchObject({ effect: 'destructive' });
    expect(await effectOf({ options: { effects: { look: 'read', '*': 'write' } } })).toMatchObject({
      effect: 'read',
    });
  });
});

describe('pins', () => {
  test('tell a first listing from a change and from the same listing again', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('s')], toolsets: {} });
    const first = await catalog.accept(upstreamConfig('s'), listing({ tools: ['a', 'b'] }), []);
    expect(first.unpinned).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    const pins = first.unpinned.map((pin) => ({ ...pin, approved: false, firstSeenAt: 0 }));
    const second = await catalog.accept(upstreamConfig('s'), listing({ tools: ['a', 'b'] }), pins);
    expect(second.unpinned).toEqual([]);
    expect(second.index.hash).toBe(first.index.hash);
    const changed = { name: 'a', description: 'now sends mail', inputSchema: { type: 'object' } };
    const third = await catalog.accept(upstreamConfig('s'), listing({ tools: [changed] }), pins);
    expect(third.index.hash).not.toBe(first.index.hash);
    expect(third.unpinned).toMatchObject([{ name: 'a', definition: changed }]);
  });

  test('a strict server shows only what was approved, and says so when asked for the rest', async () => {
    const catalog = createCatalog();
    await catalog.configure({
      upstreams: [upstreamConfig('s', { options: { pin: 'strict' } })],
      toolsets: {},
    });
    const { unpinned } = await catalog.accept(
      upstreamConfig('s'),
      listing({ tools: ['old', 'new'] }),
      [],
    );
    expect(catalog.list(all).tools).toEqual([]);
    expect(catalog.find(toolCall('s__new'))).toMatchObject({ data: { code: 'catalog/withheld' } });
    const pins = unpinned.map((pin) => ({ ...pin, approved: pin.name === 'old', firstSeenAt: 0 }));
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['old', 'new'] }), pins);
    await catalog.configure({
      upstreams: [upstreamConfig('s', { options: { pin: 'strict' } })],
      toolsets: {},
    });
    expect(names(catalog.list(all).tools)).toEqual(['s__old']);
  });

  test('key order does not make another definition', async () => {
    expect(toDefinitionHash({ a: 1, b: { c: 2, d: 3 } })).toBe(
      toDefinitionHash({ b: { d: 3, c: 2 }, a: 1 }),
    );
    expect(toDefinitionHash({ a: [1, 2] })).not.toBe(toDefinitionHash({ a: [2, 1] }));
  });
});

describe('change', () => {
  test('the same listing again changes nothing, so lists stay the same object', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('s')], toolsets: {} });
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a'] }), []);
    let changes = 0;
    catalog.subscribe(() => (changes += 1));
    const before = catalog.list(all);
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a'] }), []);
    expect(catalog.list(all)).toBe(before);
    expect(changes).toBe(0);
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a', 'b'] }), []);
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a', 'b', 'c'] }), []);
    await vi.waitFor(() => expect(changes).toBeGreaterThan(0), 2_000);
    expect(changes).toBe(1);
    expect(catalog.list(all).tools).toHaveLength(3);
  });

  test('a server whose settings changed stays listed, and nothing of it is called until its new listing is there', async () => {
    const catalog = createCatalog();
    const changed = upstreamConfig('s', { fingerprint: 'other' });
    await catalog.configure({ upstreams: [upstreamConfig('s')], toolsets: {} });
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a', 'b'] }), []);
    await catalog.configure({ upstreams: [changed], toolsets: {} });
    expect(names(catalog.list(all).tools)).toEqual(['s__a', 's__b']);
    const { signal } = new AbortController();
    const call = { ...toolCall('s__a'), signal };
    expect(catalog.find(call)).toMatchObject({ data: { code: 'upstream/unavailable' } });
    expect(catalog.known()).toEqual(new Set());
    const waiting = catalog.changing(call);
    // A listing under the old settings comes too late.
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['old'] }), []);
    expect(catalog.find(toolCall('s__old'))).not.toHaveProperty('upstream');
    expect(names(catalog.list(all).tools)).toEqual(['s__a', 's__b']);
    await catalog.accept(changed, listing({ tools: ['a', 'c'] }), []);
    await waiting;
    expect(catalog.find(call)).toMatchObject({ upstream: 's', name: 'a' });
    expect(names(catalog.list(all).tools)).toEqual(['s__a', 's__c']);
    expect(catalog.changing(call)).toBeUndefined();
  });

  test('a call does not wait for a server that was given up, or for longer than its caller', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('s')], toolsets: {} });
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a'] }), []);
    const fingerprint = 'other';
    await catalog.configure({ upstreams: [upstreamConfig('s', { fingerprint })], toolsets: {} });
    const leaving = new AbortController();
    const left = catalog.changing({ ...toolCall('s__a'), signal: leaving.signal });
    leaving.abort();
    await left;
    const call = { ...toolCall('s__a'), signal: new AbortController().signal };
    const waiting = catalog.changing(call);
    catalog.giveUp(upstreamConfig('s', { fingerprint }));
    await waiting;
    expect(catalog.changing(call)).toBeUndefined();
  });

  test('a server taken out of the settings is gone, and another configuration of the same name begins anew', async () => {
    const catalog = createCatalog();
    await catalog.configure({ upstreams: [upstreamConfig('s')], toolsets: {} });
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['a'] }), []);
    await catalog.configure({ upstreams: [], toolsets: {} });
    expect(catalog.list(all).tools).toEqual([]);
    expect(catalog.find(toolCall('s__a'))).toMatchObject({
      data: { code: 'catalog/unknown_tool' },
    });
    const fingerprint = 'other';
    await catalog.configure({ upstreams: [upstreamConfig('s', { fingerprint })], toolsets: {} });
    expect(catalog.list(all).tools).toEqual([]);
  });

  test('only exposed tools are there', async () => {
    const catalog = createCatalog();
    await catalog.configure({
      upstreams: [upstreamConfig('s', { options: { expose: ['get_*'] } })],
      toolsets: {},
    });
    await catalog.accept(upstreamConfig('s'), listing({ tools: ['get_a', 'put_a'] }), []);
    expect(names(catalog.list(all).tools)).toEqual(['s__get_a']);
  });
});
