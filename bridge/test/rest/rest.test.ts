import { createHash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runEventSchema, type RunEvent } from '@drawbridge/schemas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, everything, filesystem, startTestBridge } from '../support/bridge.ts';

let bridge: TestBridge;

beforeAll(async () => {
  bridge = await startTestBridge({ mcpServers: { filesystem, everything } });
  await writeFile(join(bridge.folder, 'hello.txt'), 'hello from a file');
}, 60_000);
afterAll(() => bridge.close());

interface Answer {
  callId: string;
  runId: string;
  outcome: string;
  result: { content: { text: string }[]; isError?: boolean };
}

async function call(name: string, args: object = {}, init: RequestInit = {}) {
  const response = await bridge.request(`/v1/tools/${name}/call`, {
    method: 'POST',
    body: JSON.stringify({ arguments: args }),
    ...init,
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer & Record<string, unknown>,
  };
}

async function events(runId: string): Promise<RunEvent[]> {
  const response = await bridge.request(`/v1/runs/${runId}/events`);
  const body = (await response.json()) as { events: unknown[] };
  return body.events.map((event) => runEventSchema.parse(event));
}

describe('a call', () => {
  test('is answered and stands in its run, with arguments and result', async () => {
    const { status, body } = await call('everything__echo', { message: 'over REST' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      outcome: 'result',
      result: { content: [{ text: 'Echo: over REST' }] },
    });
    const log = await events(body.runId);
    expect(log.map(({ type }) => type)).toEqual([
      'run.started',
      'call.started',
      'call.completed',
      'run.completed',
    ]);
    expect(log.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(log[1]?.payload).toMatchObject({
      callId: body.callId,
      name: 'everything__echo',
      arguments: { inline: { message: 'over REST' } },
      upstream: 'everything',
      era: 'rest',
      readOnly: false,
    });
    expect(log[2]?.payload).toMatchObject({
      callId: body.callId,
      outcome: 'result',
      result: { inline: body.result },
    });
    const run = await (await bridge.request(`/v1/runs/${body.runId}`)).json();
    expect(run).toMatchObject({ id: body.runId, kind: 'rest', status: 'completed', lastSeq: 4 });
  });

  test("a tool's own failure is told apart from a result", async () => {
    const { status, body } = await call('filesystem__read_text', {
      path: join(bridge.folder, 'none.txt'),
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ outcome: 'tool_error', result: { isError: true } });
    expect((await events(body.runId))[2]?.payload).toMatchObject({ outcome: 'tool_error' });
  });

  test('of an unknown tool is a 404 that says what there is', async () => {
    const { status, body } = await call('everything__ecco', {});
    expect(status).toBe(404);
    expect(body).toMatchObject({
      code: 'catalog/unknown_tool',
      detail: expect.stringContaining('everything__ecco'),
    });
  });

  test('secrets in its arguments do not reach the log', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const { body } = await call('everything__echo', {
      message: `use ${token}`,
      password: 'hunter2-very-secret',
    });
    const text = JSON.stringify(await events(body.runId));
    expect(text).not.toContain(token);
    expect(text).not.toContain('hunter2-very-secret');
    expect(JSON.stringify(body)).toContain(token);
  });

  test('a large result is kept by hash and can be read', async () => {
    const message = randomUUID().repeat(1_000);
    const { body } = await call('everything__echo', { message });
    const result = (await events(body.runId))[2]?.payload['result'] as {
      artifact: string;
      size: number;
      preview: string;
    };
    expect(result.size).toBeGreaterThan(36_000);
    expect(result.preview.length).toBeLessThan(8_192);
    const artifact = await bridge.request(`/v1/artifacts/${result.artifact}`);
    // No browser shows as a page what a server wrote.
    expect(Object.fromEntries(artifact.headers)).toMatchObject({
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
    });
    const text = await artifact.text();
    expect(JSON.parse(text)).toEqual(body.result);
    expect(createHash('sha256').update(text).digest('hex')).toBe(result.artifact);
    expect((await bridge.request(`/v1/artifacts/${'0'.repeat(64)}`)).status).toBe(404);
  });

  test.each(['a\u0000b', '\ud800 alone', '🙂'.repeat(50)])(
    '%j goes through and into the log',
    async (message) => {
      const { body } = await call('everything__echo', { message });
      expect(body.outcome).toBe('result');
      expect((await events(body.runId)).at(-1)?.type).toBe('run.completed');
    },
  );
});

describe('Idempotency-Key', () => {
  test('the same request again gets the same answer and is not carried out again', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await call('everything__echo', { message: 'once' }, { headers });
    const second = await call('everything__echo', { message: 'once' }, { headers });
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('Idempotency-Replayed')).toBe('true');
    expect(await events(first.body.runId)).toHaveLength(4);
  });

  test('with another request it is refused', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    await call('everything__echo', { message: 'one' }, { headers });
    expect((await call('everything__echo', { message: 'two' }, { headers })).status).toBe(409);
  });

  // Holds: idempotency/once
  test('of ten requests at once one is carried out', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const args = { duration: 0.3, steps: 1 };
    const all = await Promise.all(
      Array.from({ length: 10 }, () =>
        call('everything__trigger-long-running-operation', args, { headers }),
      ),
    );
    expect(
      new Set(all.filter(({ status }) => status === 200).map(({ body }) => body.callId)).size,
    ).toBe(1);
    expect(all.every(({ status }) => status === 200 || status === 409)).toBe(true);
  });
});

describe('lists', () => {
  test('tools are searched by words and paged without a gap', async () => {
    const page = async (query: string) =>
      (await (await bridge.request(`/v1/tools?${query}`)).json()) as {
        tools: { name: string; server: string }[];
        nextCursor?: string;
      };
    const all = await page('limit=500');
    const found: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const { tools, nextCursor } = await page(
        `limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      found.push(...tools.map(({ name }) => name));
      cursor = nextCursor;
    }
    expect(found).toEqual(all.tools.map(({ name }) => name));
    expect((await page('q=ECHO+everything')).tools).toMatchObject([
      { name: 'everything__echo', server: 'everything' },
    ]);
    expect(
      (await page('server=filesystem')).tools.every(({ server }) => server === 'filesystem'),
    ).toBe(true);
  });

  test('runs are paged newest first, and a member sees only his own', async () => {
    const mine = await call('everything__echo', { message: 'x' }, {});
    const list = async (query: string, key?: string) =>
      (await (
        await bridge.request(`/v1/runs?${query}`, key === undefined ? {} : { key })
      ).json()) as { runs: { id: string }[]; nextCursor?: string };
    const first = await list('limit=1&kind=rest');
    expect(first.runs[0]?.id).toBe(mine.body.runId);
    const second = await list(`limit=1&kind=rest&cursor=${first.nextCursor}`);
    expect(second.runs[0]?.id).not.toBe(mine.body.runId);
    const asMember = await list('limit=500', bridge.bridge.keys.member);
    expect(asMember.runs.map(({ id }) => id)).not.toContain(mine.body.runId);
    const other = await bridge.request(`/v1/runs/${mine.body.runId}`, {
      key: bridge.bridge.keys.member,
    });
    expect(other.status).toBe(404);
    for (const Accept of ['application/json', 'text/event-stream']) {
      const path = `/v1/runs/${mine.body.runId}/events`;
      const init = { key: bridge.bridge.keys.member, headers: { Accept } };
      const answer = await bridge.request(path, init);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: 'run/unknown' });
    }
  });

  test('events come in pages, and a page that is full says where the next one begins', async () => {
    const { body } = await call('everything__echo', { message: 'paged' });
    const page = async (query: string) => {
      const answer = await bridge.request(`/v1/runs/${body.runId}/events?${query}`);
      expect(answer.headers.get('content-type')).toBe('application/json');
      return (await answer.json()) as { events: { seq: number }[]; nextAfter?: number };
    };
    expect(await page('limit=3')).toMatchObject({
      events: [{ seq: 1 }, { seq: 2 }, { seq: 3 }],
      nextAfter: 3,
    });
    const rest = await page('limit=3&after=3');
    expect(rest.events).toMatchObject([{ seq: 4 }]);
    expect(rest.nextAfter).toBeUndefined();
    expect(await page('after=4')).toEqual({ events: [] });
  });

  test.each([
    '/v1/runs?limit=0',
    '/v1/runs?status=sleeping',
    '/v1/runs/not-a-uuid',
    '/v1/tools?limit=many',
    '/v1/artifacts/xyz',
  ])('%s is a 400 that names the parameter', async (path) => {
    const response = await bridge.request(path);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'request/invalid',
      details: [{ path: expect.any(String) }],
    });
  });

  test('servers tell their state', async () => {
    const { servers } = (await (await bridge.request('/v1/servers')).json()) as {
      servers: object[];
    };
    expect(servers).toContainEqual(
      expect.objectContaining({ name: 'everything', state: 'ready', era: 'legacy' }),
    );
  });
});

/** Hands over the id of each whole frame; what was cut in the middle is read again. */
async function readIds(response: Response, take: (id: number) => void): Promise<void> {
  let text = '';
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const frames = (text + part).split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const id = /^id: (\d+)$/m.exec(frame)?.[1];
      if (id !== undefined) take(Number(id));
    }
  }
}

test('a reader that is cut off again and again sees every event of a run exactly once', async () => {
  const { client } = await bridge.legacy();
  let isDone = false;
  const work = (async () => {
    for (let count = 0; count < 60; count += 1)
      await client.callTool({ name: 'everything__echo', arguments: { message: `${count}` } });
    isDone = true;
  })();
  const { runs } = (await (await bridge.request('/v1/runs?kind=session&limit=1')).json()) as {
    runs: { id: string }[];
  };
  const runId = runs[0]?.id ?? '';
  const seen: number[] = [];
  for (let cuts = 0; !(isDone && seen.length >= 121); cuts += 1) {
    const abort = new AbortController();
    const response = await bridge.request(`/v1/runs/${runId}/events`, {
      headers: {
        Accept: 'text/event-stream',
        ...(seen.length > 0 && { 'Last-Event-ID': String(seen.at(-1)) }),
      },
      signal: abort.signal,
    });
    const wanted = seen.length + 1 + Math.floor(Math.random() * 15);
    const timer = setTimeout(() => abort.abort(), 500);
    const cut = await readIds(response, (id) => {
      seen.push(id);
      if (seen.length >= wanted) abort.abort();
    }).catch((error: unknown) => error);
    clearTimeout(timer);
    expect([undefined, abort.signal.reason]).toContain(cut);
    expect(cuts).toBeLessThan(500);
  }
  await work;
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => index + 1));
});

test('/metrics counts calls by server, tool and outcome', async () => {
  await call('everything__echo', { message: 'counted' });
  const text = await (await bridge.request('/metrics')).text();
  expect(text).toMatch(
    /drawbridge_calls_total\{server="everything",tool="echo",outcome="result"\} [1-9]/,
  );
  expect(text).toMatch(/drawbridge_log_commit_seconds_count [1-9]/);
  expect(text).toMatch(/drawbridge_upstream_state\{server="everything",state="ready"\} 1/);
});

test('/openapi.json describes every route, and the page that shows it needs nothing from elsewhere', async () => {
  const api = (await (await bridge.request('/openapi.json')).json()) as {
    openapi: string;
    paths: Record<string, object>;
  };
  expect(api.openapi).toBe('3.1.0');
  expect(Object.keys(api.paths).sort()).toEqual([
    '/v1/artifacts/{sha256}',
    '/v1/events',
    '/v1/keys',
    '/v1/keys/{id}',
    '/v1/prune',
    '/v1/runs',
    '/v1/runs/{id}',
    '/v1/runs/{id}/events',
    '/v1/servers',
    '/v1/servers/{name}/allow',
    '/v1/servers/{name}/logs',
    '/v1/servers/{name}/restart',
    '/v1/servers/{name}/withheld',
    '/v1/tools',
    '/v1/tools/{name}/call',
    '/v1/users/{name}',
  ]);
  const page = await (await bridge.request('/docs/', { key: null })).text();
  expect(page).not.toMatch(/https?:\/\//);
  for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    expect((await bridge.request(path ?? '', { key: null })).status).toBe(200);
  }
});
