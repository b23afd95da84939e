// Servers whose lists never end, are huge, change all the time, or claim what is another's; through a
// whole bridge.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { filesystem, startTestBridge, type TestBridge } from '../support/bridge.ts';

const script = join(import.meta.dirname, '../support/servers/hostile-lists.mjs');
const WAIT = { timeout: 60_000, interval: 50 };
const LONG = 120_000;

function hostile(options: object) {
  return {
    command: process.execPath,
    args: [script, JSON.stringify(options)],
  };
}

let bridge: TestBridge;
let folder: string | undefined;
afterEach(async () => {
  await bridge.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

async function writeListing(listing: object): Promise<string> {
  folder ??= await mkdtemp(join(tmpdir(), 'drawbridge-lists-'));
  const file = join(folder, 'listing.json');
  await writeFile(file, JSON.stringify(listing));
  return file;
}

interface ServerView {
  readonly name: string;
  readonly toolCount: number;
  readonly withheldCount: number;
  readonly notes: readonly string[];
}

async function server(name: string): Promise<ServerView> {
  const { servers } = await getJson<{ servers: ServerView[] }>('/v1/servers');
  const found = servers.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
}

async function getJson<T>(path: string): Promise<T> {
  const answer = await bridge.request(path);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T; // the test says what the route answers
}

function known(name: string, count: number) {
  return vi.waitFor(async () => expect((await server(name)).toolCount).toBe(count), WAIT);
}

async function changes(name: string): Promise<Record<string, unknown>[]> {
  const { runs } = await getJson<{ runs: { id: string }[] }>('/v1/runs?kind=bridge');
  const all: Record<string, unknown>[] = [];
  for (const { id } of runs) {
    const { events } = await getJson<{
      events: { type: string; payload: Record<string, unknown> }[];
    }>(`/v1/runs/${id}/events?limit=1000`);
    for (const { type, payload } of events) {
      if (type === 'catalog.changed' && payload['upstream'] === name) all.push(payload);
    }
  }
  return all;
}

async function call(name: string, args: object = {}): Promise<{ ms: number; runId: string }> {
  const begun = performance.now();
  const answer = await bridge.request(`/v1/tools/${name}/call`, {
    method: 'POST',
    body: JSON.stringify({ arguments: args }),
  });
  const text = await answer.text();
  expect({ text, status: answer.status }).toMatchObject({ status: 200 });
  const { runId } = JSON.parse(text) as { runId: string };
  return { ms: performance.now() - begun, runId };
}

/** What a plain call may take beside a hostile server, on a machine that has other work too. */
async function findLimit(): Promise<number> {
  const until = performance.now() + 1_000;
  return Math.max(50, 5 * (await measure(() => performance.now() > until)));
}

/** The median of what a plain call takes while `isOver` says no. */
async function measure(isOver: () => boolean): Promise<number> {
  const times: number[] = [];
  while (!isOver()) times.push((await call('filesystem__list', { path: '.' })).ms);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

test(
  'lists of 20,000 entries are served and pinned, what is beyond is left out and named, and nobody waits',
  async () => {
    bridge = await startTestBridge({
      mcpServers: {
        filesystem,
        huge: hostile({ tools: 25_000, resources: 20_000, templates: 20_000, prompts: 20_000 }),
      },
    });
    await known('huge', 20_000);
    const { notes } = await server('huge');
    expect(notes).toEqual(['tools left out, over 20000 entries: 1 ("tool_20000")']);
    await vi.waitFor(async () => expect(await changes('huge')).toHaveLength(1), WAIT);
    const [change] = await changes('huge');
    expect(change).toMatchObject({ more: { added: 79_900 } });
    await bridge.restart();
    expect((await server('huge')).toolCount).toBe(20_000);
    await call('huge__tool_19999');
  },
  LONG,
);

test('a list without end, and one whose cursor comes again, end, and say so', async () => {
  bridge = await startTestBridge({
    mcpServers: {
      filesystem,
      endless: hostile({ pages: 'endless' }),
      again: hostile({ tools: 3, pages: 'again' }),
    },
  });
  await known('again', 3);
  expect((await server('again')).notes).toContain('tools ended where a cursor came again');
  await known('endless', 1_000);
  expect((await server('endless')).notes).toContain('tools ended after 1000 pages');
});

test('names that cannot be shown, empty and doubled ones are left out and named, and the rest is pinned', async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`) as object;
  const tools = [
    'good',
    'bad\u0000name',
    'bad\u001b[31mname',
    '',
    ' ',
    'x'.repeat(257),
    { name: 'good', description: 'another', inputSchema: { type: 'object' } },
    { name: 'deep', inputSchema: deep },
    { name: 'large', description: 'y'.repeat(300_000), inputSchema: { type: 'object' } },
    { name: 7 },
    { name: 'last', inputSchema: { type: 'object' } },
  ];
  const file = await writeListing({ tools });
  bridge = await startTestBridge({ mcpServers: { filesystem, odd: hostile({ file }) } });
  await known('odd', 2);
  const { notes } = await server('odd');
  expect(notes.join('\n')).not.toMatch(/(?!\n)\p{Cc}/u);
  expect(notes.toSorted()).toEqual([
    expect.stringMatching(
      /^tools left out, larger than 256 KiB or nested deeper than 128 levels: 2/,
    ),
    expect.stringMatching(/^tools left out, with a name over 256 characters: 1/),
    expect.stringMatching(/^tools left out, with an empty name: 2/),
    expect.stringMatching(/^tools left out, with characters in the name that cannot be shown: 2/),
    'tools left out, with the name of another one: 1 ("good")',
    'tools left out, without a name: 1',
  ]);
  await bridge.restart();
  expect((await server('odd')).toolCount).toBe(2);
});

test(
  'a server that changes its lists all the time costs one event a minute, and its neighbours nothing',
  async () => {
    bridge = await startTestBridge({
      mcpServers: { filesystem },
    });
    await call('filesystem__list', { path: '.' });
    const limit = await findLimit();
    await bridge.config({
      mcpServers: { filesystem, flapping: hostile({ tools: 20_000, flapMs: 2 }) },
    });
    await known('flapping', 20_000);
    const until = performance.now() + 12_000;
    expect(await measure(() => performance.now() > until)).toBeLessThan(limit);
    expect(await changes('flapping')).toHaveLength(1);
    // Changes that are not reported yet are reported at the end.
    await bridge.restart();
    const told = await changes('flapping');
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.some((change) => 'leftOut' in change)).toBe(true);
    for (const change of told) expect(JSON.stringify(change).length).toBeLessThan(200_000);
  },
  LONG,
);

test(
  'a flood of messages or progress leaves little in the log, and the neighbours their time',
  async () => {
    bridge = await startTestBridge({
      mcpServers: { filesystem, loud: hostile({ tools: ['flood'], padding: 1_000 }) },
    });
    await known('loud', 1);
    await call('filesystem__list', { path: '.' });
    const limit = await findLimit();
    let bytes = 0;
    for (const kind of ['message', 'progress']) {
      let isOver = false;
      const flood = call('loud__flood', { kind, count: 100_000 }).finally(() => (isOver = true));
      expect(await measure(() => isOver)).toBeLessThan(limit);
      const { runId } = await flood;
      const { events } = await getJson<{ events: object[] }>(`/v1/runs/${runId}/events?limit=1000`);
      bytes += JSON.stringify(events).length;
    }
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(4_000_000);
  },
  LONG,
);

test('a URI stays with the server that had it first, and no template takes it', async () => {
  const file = await writeListing({});
  bridge = await startTestBridge({
    mcpServers: {
      filesystem,
      zeta: hostile({
        name: 'zeta',
        tools: ['a'],
        resources: ['doc://one'],
        templates: ['doc://{id}/text'],
      }),
      alpha: hostile({ name: 'alpha', tools: ['change', 'b'], file }),
    },
  });
  await known('zeta', 1);
  await known('alpha', 2);
  await writeListing({
    tools: ['change', 'b', 'c'],
    resources: ['doc://one', 'doc://two', 'file:///etc/hosts'],
    templates: ['{+uri}', 'doc://{id}/text', 'file:///{+path}'],
  });
  await call('alpha__change');
  await known('alpha', 3);
  const client = await bridge.modern();
  const read = async (uri: string) => {
    const { contents } = await client.readResource({ uri });
    return JSON.stringify(contents);
  };
  expect(await read('doc://one')).toContain('read by zeta');
  expect(await read('doc://7/text')).toContain('read by zeta');
  expect(await read('doc://two')).toContain('read by alpha');
  // The built-in server refuses what lies outside its roots; the other one would have answered.
  await expect(read('file:///etc/hosts')).rejects.toThrow(/outside|root/i);
  expect((await server('alpha')).notes.join()).toContain('that another server had first');
  await bridge.restart();
  const again = await bridge.modern();
  const { contents } = await again.readResource({ uri: 'doc://one' });
  expect(JSON.stringify(contents)).toContain('read by zeta');
});
