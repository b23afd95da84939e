import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';
import { type Caller, asCaller, makeCaller } from '../support/caller.ts';
import { type SecondBridge, startSecondBridge } from '../support/second-bridge.ts';

let bridge: TestBridge;
let second: SecondBridge;

const config = { mcpServers: { slow: modernServer } };

beforeAll(async () => {
  bridge = await startTestBridge(config);
  second = await startSecondBridge(bridge);
}, 60_000);
afterAll(async () => {
  await second.close();
  await bridge.close();
});

const META = 'io.modelcontextprotocol/';
const meta = {
  [`${META}protocolVersion`]: '2026-07-28',
  [`${META}clientCapabilities`]: {},
};
const both = { Accept: 'application/json, text/event-stream' };

interface Opened {
  readonly response: Response;
  /** Resolves with all text when the stream has ended, cut off or not. */
  readonly ended: Promise<string>;
}

/** Resolves when the stream has begun; its end is waited for by `ended`. */
async function open(response: Promise<Response>): Promise<Opened> {
  const opened = await response;
  if (opened.body === null) throw new Error(`no stream: ${opened.status}`);
  const reader = opened.body.getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader.read()).value);
  const read = async (): Promise<string> => {
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += decoder.decode(part.value);
      }
    } catch (error) {
      text += `\n${String(error)}`;
    }
    return text;
  };
  return { response: opened, ended: read() };
}

function modern(caller: Caller, method: string, params: object, name?: string) {
  return caller.request('/mcp', {
    method: 'POST',
    headers: {
      ...both,
      'Mcp-Protocol-Version': '2026-07-28',
      'Mcp-Method': method,
      ...(name !== undefined && { 'Mcp-Name': name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
}

function slow(file: string) {
  return { name: 'slow__slow', arguments: { ms: 20_000, file } };
}
let files = 0;
function newFile() {
  return join(bridge.folder, `call-${(files += 1)}`);
}
function wasTold(file: string) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Everything that a key can hold open, by name; calls name a file that tells what became of them. */
const streams: Record<string, (caller: Caller, file: string) => Promise<unknown>> = {
  'a legacy GET stream': async (caller) => {
    const session = await caller.initialize();
    const headers = { Accept: 'text/event-stream', 'Mcp-Session-Id': session };
    return open(caller.request('/mcp', { headers }));
  },
  'subscriptions/listen': (caller) =>
    open(
      modern(caller, 'subscriptions/listen', {
        _meta: meta,
        notifications: { toolsListChanged: true },
      }),
    ),
  'the live events of a run': async (caller) => {
    const session = await caller.initialize();
    const { runs } = (await (await caller.request('/v1/runs')).json()) as {
      runs: { id: string }[];
    };
    expect(session).not.toBe('');
    const headers = { Accept: 'text/event-stream' };
    return open(caller.request(`/v1/runs/${runs[0]?.id}/events`, { headers }));
  },
  'a call over REST': async (caller, file) => caller.call('slow__slow', slow(file).arguments),
  'a modern call': async (caller, file) =>
    modern(caller, 'tools/call', { ...slow(file), _meta: meta }, 'slow__slow').then((answer) =>
      answer.text(),
    ),
  'a modern call with progress': async (caller, file) =>
    modern(
      caller,
      'tools/call',
      { ...slow(file), _meta: { ...meta, progressToken: 'p' } },
      'slow__slow',
    ).then((answer) => answer.text()),
  'a legacy call': async (caller, file) => {
    const session = await caller.initialize();
    return caller
      .post({ id: 2, method: 'tools/call', params: slow(file) }, session)
      .then((answer) => answer.text());
  },
  'a legacy call with progress': async (caller, file) => {
    const session = await caller.initialize();
    const params = { ...slow(file), _meta: { progressToken: 1 } };
    return caller
      .post({ id: 2, method: 'tools/call', params }, session)
      .then((answer) => answer.text());
  },
};

/** Opens the stream, ends the key, and tells how long the stream went on, in milliseconds. */
async function timeUntilEnd(
  name: string,
  caller: Caller,
  endKey: () => Promise<unknown>,
): Promise<{ ms: number; file: string }> {
  const file = newFile();
  const begin = streams[name];
  if (begin === undefined) throw new Error(name);
  const opening = begin(caller, file);
  // A call is under way when its server says so; a stream when its first bytes are there.
  let ended: Promise<unknown> = opening;
  if (name.includes('call'))
    await vi.waitUntil(() => wasTold(file).includes('started'), { timeout: 15_000 });
  else ended = ((await opening) as Opened).ended; // streams are opened by `open`
  await endKey();
  const begun = performance.now();
  let hasEnded = false;
  // A connection that is cut off has ended too.
  const settled = ended.then(
    () => (hasEnded = true),
    () => (hasEnded = true),
  );
  let late: NodeJS.Timeout | undefined;
  const wait = new Promise((resolve) => {
    late = setTimeout(resolve, 5_000);
  });
  await Promise.race([settled, wait]);
  clearTimeout(late);
  if (!hasEnded) throw new Error(`${name} went on`);
  return { ms: performance.now() - begun, file };
}

describe.each(Object.keys(streams))('%s', (name) => {
  test('ends within a second of the key’s revocation, and a call is cancelled and logged', async () => {
    const caller = await makeCaller(bridge, { name: 'a key' });
    const { ms, file } = await timeUntilEnd(name, caller, () =>
      bridge.request(`/v1/keys/${caller.keyId}`, { method: 'DELETE' }),
    );
    expect(ms).toBeLessThan(1_000);
    expect((await caller.request('/v1/tools')).status).toBe(401);
    if (!name.includes('call')) return;
    await expect.poll(() => wasTold(file)).toContain('cancelled');
    const cancelled = await lastEvents(file);
    expect(cancelled).toMatchObject({ reason: 'The key was revoked.' });
  });

  // Holds: keys/end-within-a-second
  test('ends when another bridge of the database revokes the key', async () => {
    const caller = asCaller(second, await makeCaller(bridge, { name: 'a key' }).then(toKey));
    const { ms } = await timeUntilEnd(name, caller, () =>
      bridge.request(`/v1/keys/${caller.keyId}`, { method: 'DELETE' }),
    );
    expect(ms).toBeLessThan(1_000);
    expect((await caller.request('/v1/tools')).status).toBe(401);
  });
});

function toKey({ keyId, key }: Caller) {
  return { id: keyId, key };
}

/** The payload of the `call.cancelled` of the call that named a file. */
async function lastEvents(file: string): Promise<unknown> {
  const client = new Client({ connectionString: bridge.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ payload: unknown }>(
      `select e.payload from run_events s join run_events e on e.run_id = s.run_id
         and e.payload->>'callId' = s.payload->>'callId' and e.type = 'call.cancelled'
       where s.type = 'call.started' and s.payload::text like $1`,
      [`%${file}"%`],
    );
    return rows[0]?.payload;
  } finally {
    await client.end();
  }
}

const listenStream = 'a legacy GET stream';

test.each(Object.entries(streams).filter(([name]) => !name.includes('call')))(
  '%s comes to its end, and is not cut off, when its key ends',
  async (_name, begin) => {
    const caller = await makeCaller(bridge, { name: 'a key' });
    const { ended } = (await begin(caller, newFile())) as Opened; // streams are opened by `open`
    await bridge.request(`/v1/keys/${caller.keyId}`, { method: 'DELETE' });
    expect(await ended).not.toContain('Error');
  },
);

test('the stream of a disabled user ends, and its keys are refused', async () => {
  const caller = await makeCaller(bridge, { name: 'a key', user: 'dora' });
  const { ms } = await timeUntilEnd(listenStream, caller, () =>
    bridge.request('/v1/users/dora', { method: 'DELETE' }),
  );
  expect(ms).toBeLessThan(1_000);
});

test('/v1/events ends with the operator’s key that opened it', async () => {
  const caller = await makeCaller(bridge, { name: 'a key', role: 'operator' });
  const headers = { Accept: 'text/event-stream' };
  const { ended } = await open(caller.request('/v1/events', { headers }));
  await bridge.request(`/v1/keys/${caller.keyId}`, { method: 'DELETE' });
  const begun = performance.now();
  await ended;
  expect(performance.now() - begun).toBeLessThan(1_000);
});

test('a key that expires ends its streams at that moment', async () => {
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const caller = await makeCaller(bridge, { name: 'a key', expiresAt });
  const headers = {
    Accept: 'text/event-stream',
    'Mcp-Session-Id': await caller.initialize(),
  };
  const { ended } = await open(caller.request('/mcp', { headers }));
  await ended;
  const late = Date.now() - Date.parse(expiresAt);
  expect(late).toBeGreaterThanOrEqual(-20);
  expect(late).toBeLessThan(1_000);
  expect((await caller.request('/v1/tools')).status).toBe(401);
});

test.each([30, 400, 40_000])('a key that lasts %i days keeps its streams', async (days) => {
  const expiresAt = new Date(Date.now() + days * 86_400_000).toISOString();
  const caller = await makeCaller(bridge, { name: 'a key', expiresAt });
  const file = newFile();
  const answer = caller.call('slow__slow', { ms: 1_200, file });
  expect((await answer).body).toMatchObject({ outcome: 'result' });
  expect(wasTold(file)).toContain('finished');
});

test('a change that nobody tells of is found by looking', async () => {
  const caller = await makeCaller(bridge, { name: 'a key' });
  const client = new Client({ connectionString: bridge.databaseUrl });
  await client.connect();
  try {
    const { ms } = await timeUntilEnd(listenStream, caller, async () => {
      await client.query('alter table keys disable trigger keys_changed');
      await client.query('update keys set revoked_at = now() where id = $1', [caller.keyId]);
    });
    expect(ms).toBeLessThan(1_000);
    expect((await caller.request('/v1/tools')).status).toBe(401);
  } finally {
    await client.query('alter table keys enable trigger keys_changed');
    await client.end();
  }
});

test('another key of the same user is not touched, and goes on with its sessions', async () => {
  const one = await makeCaller(bridge, { name: 'one', user: 'fay' });
  const two = await makeCaller(bridge, { name: 'two', user: 'fay' });
  const session = await one.initialize();
  const headers = { Accept: 'text/event-stream', 'Mcp-Session-Id': session };
  const mine = await open(one.request('/mcp', { headers }));
  const theirs = await open(two.request('/mcp', { headers }));
  await bridge.request(`/v1/keys/${one.keyId}`, { method: 'DELETE' });
  await mine.ended;
  const next = await two.post({ id: 5, method: 'tools/list' }, session);
  expect(next.status).toBe(200);
  expect(await Promise.race([theirs.ended, Promise.resolve('open')])).toBe('open');
  const other = await makeCaller(bridge, { name: 'other', user: 'gus' });
  expect((await other.post({ id: 6, method: 'tools/list' }, session)).status).toBe(404);
});
