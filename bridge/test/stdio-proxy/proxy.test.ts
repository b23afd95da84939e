import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Answer, createHttpFixture, openEvents, sendEvent, sendJson } from './http-fixture.ts';
import { createRig, modern, result } from './rig.ts';

describe('a modern client', () => {
  // Holds: modern/mirrored-headers
  it('has the headers of its revision made from its bodies', async () => {
    const rig = await createRig(({ body }, response) => sendJson(response, result(body['id'])));
    rig.send(
      modern(1, 'tools/call', { name: 'git__log' }),
      modern('two', 'resources/read', { uri: 'file:///ü' }),
      modern(3, 'prompts/get', { name: '=?base64?x?=' }),
      modern(4, 'tools/list'),
    );
    await rig.received(4);
    const sent = Object.fromEntries(
      rig.http.asked.map(({ body, headers }) => [
        String(body['id']),
        [headers['mcp-protocol-version'], headers['mcp-method'], headers['mcp-name']],
      ]),
    );
    expect(sent).toEqual({
      '1': ['2026-07-28', 'tools/call', 'git__log'],
      two: ['2026-07-28', 'resources/read', '=?base64?ZmlsZTovLy/DvA==?='],
      '3': ['2026-07-28', 'prompts/get', '=?base64?PT9iYXNlNjQ/eD89?='],
      '4': ['2026-07-28', 'tools/list', undefined],
    });
    expect(rig.http.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer k',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    });
    expect(rig.http.asked[0]?.headers['mcp-session-id']).toBeUndefined();
  });

  it('gets notifications before the answer they belong to, and answers as they come', async () => {
    const progress = (id: unknown, value: number) => ({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: id, progress: value },
    });
    let finishFirst: (() => void) | undefined;
    const rig = await createRig(({ body }, response) => {
      openEvents(response);
      const finish = () => {
        sendEvent(response, progress(body['id'], 1));
        sendEvent(response, progress(body['id'], 2));
        sendEvent(response, result(body['id']));
        response.end();
      };
      if (body['id'] === 1) finishFirst = finish;
      else finish();
    });
    rig.send(modern(1, 'tools/call', { name: 'slow' }), modern(2, 'tools/call', { name: 'quick' }));
    expect(await rig.received(3)).toEqual([progress(2, 1), progress(2, 2), result(2)]);
    finishFirst?.();
    expect((await rig.received(6)).slice(3)).toEqual([progress(1, 1), progress(1, 2), result(1)]);
  });

  // Holds: modern/cancel-by-closing
  it('cancels by ending the request, and hears no more of it', async () => {
    const rig = await createRig(({ body }, response) => {
      openEvents(response);
      if (body['id'] === 2) {
        sendEvent(response, result(2));
        response.end();
      }
    });
    rig.send(modern(1, 'tools/call', { name: 'endless' }));
    await vi.waitFor(() => expect(rig.http.asked).toHaveLength(1));
    rig.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await rig.http.asked[0]?.gone;
    rig.send(modern(2, 'tools/list'));
    expect(await rig.received(1)).toEqual([result(2)]);
    expect(rig.http.asked).toHaveLength(2);
  });

  // Holds: modern/subscription-stream
  it('keeps a subscription open beside other requests, and loses it at the end of its input', async () => {
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    const answer: Answer = ({ body }, response) => {
      if (body['method'] !== 'subscriptions/listen') return sendJson(response, result(body['id']));
      openEvents(response);
      sendEvent(response, changed);
    };
    // Nobody waits for a subscription: with this grace the test would not end.
    const rig = await createRig(answer, { grace: 600_000 });
    rig.send(modern('listen', 'subscriptions/listen'));
    await rig.received(1);
    rig.send(modern(2, 'tools/list'));
    expect(await rig.received(2)).toEqual([changed, result(2)]);
    rig.end();
    await rig.done;
    await rig.http.asked[0]?.gone;
    expect(rig.lines).toHaveLength(2);
  });
});

describe('what goes wrong', () => {
  it('passes on a JSON-RPC error with the id of the request it answers', async () => {
    const error = { code: -32020, message: 'Header mismatch', data: { a: 1 } };
    const rig = await createRig((_asked, response) =>
      sendJson(response, { jsonrpc: '2.0', id: null, error }, { status: 400 }),
    );
    rig.send(modern(7, 'tools/list'));
    expect(await rig.received(1)).toEqual([{ jsonrpc: '2.0', id: 7, error }]);
  });

  it('turns a problem document into an error that says the same', async () => {
    const rig = await createRig((_asked, response) =>
      sendJson(response, { detail: 'The key was revoked.', code: 'auth/invalid' }, { status: 401 }),
    );
    rig.send(modern(7, 'tools/list'));
    expect(await rig.received(1)).toEqual([
      {
        jsonrpc: '2.0',
        id: 7,
        error: {
          code: -32603,
          message: 'The key was revoked.',
          data: { status: 401, code: 'auth/invalid' },
        },
      },
    ]);
  });

  it('answers a line that is no JSON-RPC, and goes on', async () => {
    const rig = await createRig(({ body }, response) => sendJson(response, result(body['id'])));
    rig.send('{"jsonrpc"', '', '"text"', modern(1, 'tools/list'));
    const lines = await rig.received(3);
    expect(lines.slice(0, 2)).toMatchObject([
      { id: null, error: { code: -32700 } },
      { id: null, error: { code: -32700 } },
    ]);
    expect(lines[2]).toEqual(result(1));
  });

  it('says that the outcome is unknown when the bridge dies over a call', async () => {
    const rig = await createRig(({ body }, response) => {
      openEvents(response);
      if (body['id'] === 1) response.end();
      else setTimeout(() => response.destroy(), 10);
    });
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    expect((await rig.received(1))[0]).toMatchObject({
      id: 1,
      error: { message: expect.stringContaining('unknown') },
    });
    rig.send(modern(2, 'tools/call', { name: 'x' }));
    expect((await rig.received(2))[1]).toMatchObject({ id: 2, error: { code: -32603 } });
  });

  it('asks for the bridge again when the one it knew is gone, and sends nothing twice', async () => {
    const gone = await createHttpFixture(() => undefined);
    await gone.close();
    const found = [gone.url];
    const rig = await createRig(({ body }, response) => sendJson(response, result(body['id'])), {
      endpoint: () => Promise.resolve({ url: found.shift() ?? `${rig.http.url}/mcp`, headers: {} }),
    });
    rig.send(modern(1, 'tools/list'), modern(2, 'tools/list'));
    await rig.received(2);
    expect(rig.http.asked).toHaveLength(2);
  });

  it('answers with an error when there is no bridge to be had, and asks anew the next time', async () => {
    let tries = 0;
    const rig = await createRig(({ body }, response) => sendJson(response, result(body['id'])), {
      endpoint: () => {
        tries += 1;
        return tries === 1
          ? Promise.reject(new Error('it did not start'))
          : Promise.resolve({ url: rig.http.url, headers: {} });
      },
    });
    rig.send(modern(1, 'tools/list'));
    expect((await rig.received(1))[0]).toMatchObject({
      id: 1,
      error: { message: expect.stringContaining('it did not start') },
    });
    rig.send(modern(2, 'tools/list'));
    expect((await rig.received(2))[1]).toEqual(result(2));
  });
});

describe('a bridge that stops', () => {
  const refusal = { code: -32603, message: 'stopping', data: { code: 'bridge/stopping' } };
  const inBody = (id: unknown) => ({ jsonrpc: '2.0', id, error: refusal });

  it.each([
    ['as an answer', (id: unknown) => ({ body: inBody(id), status: 200 })],
    ['by its status', () => ({ body: inBody(null), status: 503 })],
    ['in a problem', () => ({ body: { detail: 'stopping', ...refusal.data }, status: 503 })],
  ])('has what it refused %s sent to the next one', async (_, refuse) => {
    const next = await createHttpFixture(({ body }, response) =>
      sendJson(response, result(body['id'])),
    );
    onTestFinished(next.close);
    let asked = 0;
    const rig = await createRig(
      ({ body: sent }, response) => {
        const { body, status } = refuse(sent['id']);
        sendJson(response, body, { status });
      },
      {
        endpoint: () =>
          Promise.resolve({ url: asked++ < 2 ? rig.http.url : next.url, headers: {} }),
      },
    );
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    expect(await rig.received(1)).toEqual([result(1)]);
    expect(rig.http.asked).toHaveLength(2);
    expect(next.asked).toHaveLength(1);
  });

  it.each([
    ['sent to the next one, since it was not carried out', 'the same bridge', 'result'],
    ['unknown where it went to another bridge at the same address', 'another', 'error'],
  ] as const)('has a request that it loses after it refused one %s', async (_, which, told) => {
    const next = await createHttpFixture(({ body }, response) =>
      sendJson(response, result(body['id'])),
    );
    onTestFinished(next.close);
    let asked = 0;
    const rig = await createRig(
      ({ body }, response) => {
        if (rig.http.asked.length === 1) sendJson(response, inBody(body['id']));
        else response.destroy();
      },
      {
        endpoint: () => {
          asked += 1;
          const instance = which === 'another' ? `${asked}` : 'the same';
          return Promise.resolve({
            url: asked < 3 ? rig.http.url : next.url,
            headers: {},
            instance,
          });
        },
      },
    );
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    expect((await rig.received(1))[0]).toHaveProperty(told);
    expect(rig.http.asked).toHaveLength(2);
  });

  it('is told as it is when no other bridge comes in time', async () => {
    const rig = await createRig(({ body }, response) => sendJson(response, inBody(body['id'])), {
      hold: 150,
    });
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    expect(await rig.received(1)).toEqual([inBody(1)]);
  });

  it('is told as it is when it does not know how a call ended, which is not sent again', async () => {
    const error = { code: -32603, message: 'lost', data: { code: 'bridge/outcome_unknown' } };
    const rig = await createRig(({ body }, response) =>
      sendJson(response, { jsonrpc: '2.0', id: body['id'], error }),
    );
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    expect(await rig.received(1)).toEqual([{ jsonrpc: '2.0', id: 1, error }]);
    expect(rig.http.asked).toHaveLength(1);
  });

  it('leaves its subscriptions to the next one', async () => {
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    const rig = await createRig((_asked, response) => {
      openEvents(response);
      if (rig.http.asked.length === 1) response.end();
      else sendEvent(response, changed);
    });
    rig.send(modern('listen', 'subscriptions/listen'));
    expect(await rig.received(1)).toEqual([changed]);
    expect(rig.http.asked).toHaveLength(2);
  });

  it('has a held request given up when its client cancels it', async () => {
    const rig = await createRig(({ body }, response) =>
      body['id'] === 1 ? sendJson(response, inBody(1)) : sendJson(response, result(body['id'])),
    );
    rig.send(modern(1, 'tools/call', { name: 'x' }));
    await vi.waitFor(() => expect(rig.http.asked).toHaveLength(1));
    rig.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    rig.send(modern(2, 'tools/list'));
    expect(await rig.received(1)).toEqual([result(2)]);
  });
});

describe('the end of input', () => {
  it('lets requests under way finish for a moment', async () => {
    let answer = (): void => undefined;
    const rig = await createRig(
      ({ body }, response) => {
        answer = () => sendJson(response, result(body['id']));
      },
      { grace: 600_000 },
    );
    rig.send(modern(1, 'tools/list'));
    await vi.waitFor(() => expect(rig.http.asked).toHaveLength(1));
    rig.end();
    answer();
    await rig.done;
    await vi.waitFor(() => expect(rig.lines).toEqual([result(1)]));
  });

  it('waits no longer than that, and ends what is still under way', async () => {
    const rig = await createRig((_asked, response) => openEvents(response));
    rig.send(modern(1, 'tools/call', { name: 'endless' }));
    await vi.waitFor(() => expect(rig.http.asked).toHaveLength(1));
    rig.end();
    await rig.done;
    await rig.http.asked[0]?.gone;
    expect(rig.lines).toEqual([]);
  });

  it('is not needed when a signal ends it', async () => {
    const signal = new AbortController();
    const rig = await createRig((_asked, response) => openEvents(response), {
      signal: signal.signal,
      grace: 60_000,
    });
    rig.send(modern(1, 'tools/call', { name: 'endless' }));
    await vi.waitFor(() => expect(rig.http.asked).toHaveLength(1));
    signal.abort();
    await rig.done;
  });
});

it('passes a message of many megabytes whole, whatever its pieces', async () => {
  const big = 'ü'.repeat(4_000_000);
  const rig = await createRig(({ body }, response) => {
    openEvents(response);
    sendEvent(response, result(body['id'], { big, length: String(body['big']).length }));
    response.end();
  });
  rig.send({ ...modern(1, 'tools/call', { name: 'x' }), big });
  expect((await rig.received(1))[0]?.['result']).toEqual({ big, length: big.length });
});
