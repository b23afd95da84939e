import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, everything, modernServer, startTestBridge } from '../support/bridge.ts';
import { type Caller, asCaller, makeCaller } from '../support/caller.ts';

let bridge: TestBridge;
let ann: Caller;
let ann2: Caller;
let bob: Caller;

beforeAll(async () => {
  bridge = await startTestBridge({
    mcpServers: { everything, own: modernServer },
    drawbridge: { servers: { own: { instance: 'principal' } } },
  });
  ann = await makeCaller(bridge, { name: 'laptop', user: 'ann' });
  ann2 = await makeCaller(bridge, { name: 'desktop', user: 'ann' });
  bob = await makeCaller(bridge, { name: 'phone', user: 'bob' });
}, 60_000);
afterAll(() => bridge.close());

/** A run of a caller whose result is large enough to be an artifact. */
async function runOf(caller: Caller, message = randomUUID().repeat(500)) {
  const { body } = await caller.call('everything__echo', { message });
  const runId = String(body['runId']);
  const response = await bridge.request(`/v1/runs/${runId}/events`);
  const { events } = (await response.json()) as { events: { payload: object }[] };
  const [, artifact = ''] = /"artifact":"([0-9a-f]{64})"/.exec(JSON.stringify(events[2])) ?? [];
  return { runId, artifact };
}

async function json(caller: Caller, path: string): Promise<Record<string, unknown>> {
  return (await (await caller.request(path)).json()) as Record<string, unknown>;
}

describe('what one user did', () => {
  test('is seen with each of their keys, and by operators', async () => {
    const { runId, artifact } = await runOf(ann);
    for (const reader of [ann, ann2, asCaller(bridge, operator())]) {
      expect((await reader.request(`/v1/runs/${runId}`)).status).toBe(200);
      expect((await reader.request(`/v1/runs/${runId}/events`)).status).toBe(200);
      expect((await reader.request(`/v1/artifacts/${artifact}`)).status).toBe(200);
      expect(JSON.stringify(await json(reader, '/v1/runs?limit=500'))).toContain(runId);
    }
  });

  // Holds: members/separated
  test('is unknown to another, on every route that takes an id', async () => {
    const { runId, artifact } = await runOf(ann);
    const session = await ann.initialize();
    const none = randomUUID();
    const nobodys = 'A'.repeat(22);
    const sse = { Accept: 'text/event-stream' };
    const routes: [name: string, theirs: () => Promise<Response>, none: () => Promise<Response>][] =
      [
        ['a run', () => bob.request(`/v1/runs/${runId}`), () => bob.request(`/v1/runs/${none}`)],
        [
          'its events',
          () => bob.request(`/v1/runs/${runId}/events`),
          () => bob.request(`/v1/runs/${none}/events`),
        ],
        [
          'its events from a place',
          () => bob.request(`/v1/runs/${runId}/events?after=99`),
          () => bob.request(`/v1/runs/${none}/events?after=99`),
        ],
        [
          'its live events',
          () => bob.request(`/v1/runs/${runId}/events`, { headers: sse }),
          () => bob.request(`/v1/runs/${none}/events`, { headers: sse }),
        ],
        [
          'its live events from a place',
          () =>
            bob.request(`/v1/runs/${runId}/events`, { headers: { ...sse, 'Last-Event-ID': '2' } }),
          () =>
            bob.request(`/v1/runs/${none}/events`, { headers: { ...sse, 'Last-Event-ID': '2' } }),
        ],
        [
          'an artifact',
          () => bob.request(`/v1/artifacts/${artifact}`),
          () => bob.request(`/v1/artifacts/${'0'.repeat(64)}`),
        ],
        [
          'a call in a session',
          () => bob.post({ id: 2, method: 'tools/list' }, session),
          () => bob.post({ id: 2, method: 'tools/list' }, `${nobodys}.${nobodys}`),
        ],
        [
          'the stream of a session',
          () => bob.request('/mcp', { headers: { ...sse, 'Mcp-Session-Id': session } }),
          () =>
            bob.request('/mcp', { headers: { ...sse, 'Mcp-Session-Id': `${nobodys}.${nobodys}` } }),
        ],
        [
          'the end of a session',
          () => bob.request('/mcp', { method: 'DELETE', headers: { 'Mcp-Session-Id': session } }),
          () =>
            bob.request('/mcp', {
              method: 'DELETE',
              headers: { 'Mcp-Session-Id': `${nobodys}.${nobodys}` },
            }),
        ],
      ];
    for (const [name, theirs, unknown] of routes) {
      const [one, other] = [await theirs(), await unknown()];
      expect([name, one.status]).toEqual([name, 404]);
      expect([name, other.status]).toEqual([name, 404]);
      const scrub = async (response: Response) =>
        (await response.text()).replaceAll(
          /[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
          'id',
        );
      expect(await scrub(one)).toBe(await scrub(other));
    }
    expect((await ann2.post({ id: 3, method: 'tools/list' }, session)).status).toBe(200);
    expect((await bob.request('/v1/events', { headers: sse })).status).toBe(403);
    expect((await bob.request('/metrics')).status).toBe(403);
    for (const path of [
      '/v1/runs?limit=500',
      `/v1/runs?limit=500&cursor=ffffffff-ffff-7fff-bfff-ffffffffffff`,
    ])
      expect(JSON.stringify(await json(bob, path))).not.toContain(runId);
  });

  test('a cancellation of another member reaches none of its calls', async () => {
    const [mine, theirs] = [await ann.initialize(), await bob.initialize()];
    const pending = ann.post(
      {
        id: 7,
        method: 'tools/call',
        params: {
          name: 'everything__trigger-long-running-operation',
          arguments: { duration: 1, steps: 1 },
        },
      },
      mine,
    );
    const cancel = { method: 'notifications/cancelled', params: { requestId: 7 } };
    expect((await bob.post(cancel, mine)).status).toBe(404);
    expect((await bob.post(cancel, theirs)).status).toBe(202);
    expect(await (await pending).text()).toContain('Long running operation completed');
  });
});

test('a body that two members wrote alike is read by each, and by nobody who did not', async () => {
  const message = randomUUID().repeat(500);
  const [one, other] = [await runOf(ann, message), await runOf(bob, message)];
  expect(one.artifact).toBe(other.artifact);
  expect((await bob.request(`/v1/artifacts/${one.artifact}`)).status).toBe(200);
  const eve = await makeCaller(bridge, { name: 'eve' });
  expect((await eve.request(`/v1/artifacts/${one.artifact}`)).status).toBe(404);
});

test('an Idempotency-Key of one user is another key for another', async () => {
  const header = { 'Idempotency-Key': 'the-same' };
  const first = await ann.call('everything__echo', { message: 'of ann' }, header);
  const other = await bob.call('everything__echo', { message: 'of ann' }, header);
  const again = await ann2.call('everything__echo', { message: 'of ann' }, header);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body['runId']).toBe(first.body['runId']);
  expect(other.headers.get('idempotency-replayed')).toBeNull();
  expect(other.body['runId']).not.toBe(first.body['runId']);
  const others = await bob.call('everything__echo', { message: 'of ann' }, header);
  expect(others.headers.get('idempotency-replayed')).toBe('true');
  expect(others.body['runId']).toBe(other.body['runId']);
});

test('a process of `instance: principal` is shared by keys of one user and by no others', async () => {
  const pid = async (caller: Caller) => {
    const { body } = await caller.call('own__whoami', {});
    const [, found] = /"pid\\+":(\d+)/.exec(JSON.stringify(body)) ?? [];
    expect(found).toBeDefined();
    return found;
  };
  const [one, two, other] = [await pid(ann), await pid(ann2), await pid(bob)];
  expect(two).toBe(one);
  expect(other).not.toBe(one);
});

test('what one user’s process offers is not listed to others', async () => {
  const lastHealthyAt = async () => {
    const { servers } = (await json(asCaller(bridge, operator()), '/v1/servers')) as {
      servers: { name: string; lastHealthyAt?: string }[];
    };
    return servers.find(({ name }) => name === 'own')?.lastHealthyAt ?? '';
  };
  await ann.call('own__change', {});
  const answered = await lastHealthyAt();
  await expect.poll(lastHealthyAt, { timeout: 10_000 }).not.toBe(answered);
  expect(JSON.stringify(await json(bob, '/v1/tools?limit=500&q=extra'))).not.toContain('extra_1');
});

describe('keys', () => {
  test('without a user are a user each', async () => {
    const [one, other] = [
      await makeCaller(bridge, { name: 'same' }),
      await makeCaller(bridge, { name: 'same' }),
    ];
    const { runId } = await runOf(one);
    expect((await other.request(`/v1/runs/${runId}`)).status).toBe(404);
  });

  test.each(['', 'a b', 'key:1', 'shared:member', 'é', '../x', 'x'.repeat(65), 'a\u0000'])(
    'are not made for a user called %j',
    async (user) => {
      await expect(makeCaller(bridge, { name: 'x', user })).rejects.toThrow(/^400/);
    },
  );

  test('the user of a single key cannot be named by anybody', async () => {
    const lone = await makeCaller(bridge, { name: 'lone' });
    await expect(makeCaller(bridge, { name: 'x', user: `key:${lone.keyId}` })).rejects.toThrow(
      /^400/,
    );
  });

  test('of one user have one role', async () => {
    await expect(makeCaller(bridge, { name: 'x', user: 'ann', role: 'operator' })).rejects.toThrow(
      /^409.*ann is a member/,
    );
  });

  test('are made by operators only, and lists show whose they are', async () => {
    const made = await bob.request('/v1/keys', {
      method: 'POST',
      body: JSON.stringify({ name: 'x', user: 'ann' }),
    });
    expect(made.status).toBe(403);
    expect((await bob.request('/v1/users/ann', { method: 'DELETE' })).status).toBe(403);
    const { keys } = (await (await bridge.request('/v1/keys')).json()) as { keys: object[] };
    expect(keys).toContainEqual(expect.objectContaining({ name: 'laptop', user: 'ann' }));
  });

  test('of a disabled user are refused, and no more are made', async () => {
    const carl = await makeCaller(bridge, { name: 'x', user: 'carl' });
    expect((await carl.request('/v1/tools')).status).toBe(200);
    expect((await bridge.request('/v1/users/carl', { method: 'DELETE' })).status).toBe(204);
    expect((await carl.request('/v1/tools')).status).toBe(401);
    await expect(makeCaller(bridge, { name: 'y', user: 'carl' })).rejects.toThrow(/^409/);
    expect((await bridge.request('/v1/users/carl', { method: 'DELETE' })).status).toBe(404);
  });
});

test('the home’s keys stay who they are over a restart, and a revoked one is replaced', async () => {
  const before = bridge.bridge.keys;
  const { runId } = await runOf(asCaller(bridge, { id: '', key: before.member }));
  await bridge.restart();
  expect(bridge.bridge.keys).toEqual(before);
  const { keys } = (await (await bridge.request('/v1/keys')).json()) as {
    keys: { id: string; name: string }[];
  };
  const id = keys.find(({ name }) => name === 'member of this home')?.id;
  expect((await bridge.request(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(204);
  await bridge.restart();
  expect(bridge.bridge.keys.member).not.toBe(before.member);
  const again = asCaller(bridge, { id: '', key: bridge.bridge.keys.member });
  expect((await again.request(`/v1/runs/${runId}`)).status).toBe(200);
}, 60_000);

test('whether a member may read an artifact is told by an index', async () => {
  const client = new Client({ connectionString: bridge.databaseUrl });
  await client.connect();
  try {
    await client.query('set enable_seqscan = off');
    const { rows } = await client.query<Record<string, string>>(
      `explain select 1 from run_artifacts where tenant_id = gen_random_uuid() and sha256 = '\\x00' and user_id = gen_random_uuid()`,
    );
    expect(JSON.stringify(rows)).toContain('run_artifacts_pkey');
  } finally {
    await client.end();
  }
});

function operator() {
  return { id: '', key: bridge.bridge.keys.operator };
}
