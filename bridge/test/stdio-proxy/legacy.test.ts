import { describe, expect, it, vi } from 'vitest';
import { type Answer, openEvents, sendEvent, sendJson } from './http-fixture.ts';
import { createRig, result } from './rig.ts';

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'c', version: '1' },
  },
};
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** A legacy server: sessions `s1`, `s2`… and whatever `rest` says of other messages. */
function legacyServer(rest: Answer, known: Set<string> = new Set()): Answer {
  return (asked, response) => {
    const { method, headers, body } = asked;
    const session = String(headers['mcp-session-id']);
    if (body['method'] === 'initialize') {
      const id = `s${known.size + 1}`;
      known.add(id);
      return sendJson(response, result(body['id'], { protocolVersion: '2025-11-25' }), {
        headers: { 'mcp-session-id': id },
      });
    }
    if (!known.has(session)) {
      return sendJson(
        response,
        { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'no such session' } },
        { status: 404 },
      );
    }
    if (method === 'DELETE') {
      response.writeHead(200).end();
      return;
    }
    return rest(asked, response);
  };
}

describe('a legacy client', () => {
  // Holds: legacy/session-end, legacy/protocol-version-header
  it('has its session kept, its revision named, and its session ended', async () => {
    const rig = await createRig(
      legacyServer(({ method, body }, response) => {
        if (method === 'GET') response.writeHead(405).end();
        else if (body['id'] === undefined) response.writeHead(202).end();
        else sendJson(response, result(body['id']));
      }),
    );
    rig.send(initialize);
    await rig.received(1);
    rig.send(initialized, { jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await rig.received(2);
    await vi.waitFor(() => expect(rig.http.asked.map(({ method }) => method)).toContain('GET'));
    rig.end();
    await rig.done;
    const [first, ...rest] = rig.http.asked;
    expect(first?.headers['mcp-session-id']).toBeUndefined();
    expect(first?.headers['mcp-protocol-version']).toBeUndefined();
    expect(rest.at(-1)?.method).toBe('DELETE');
    for (const { headers } of rest) {
      expect(headers).toMatchObject({
        'mcp-session-id': 's1',
        'mcp-protocol-version': '2025-11-25',
      });
      expect(headers['mcp-method']).toBeUndefined();
    }
    expect(rig.issues).toEqual([]);
  });

  // Holds: legacy/resume-stream
  it('gets server messages from the GET stream, taken up again after the last event', async () => {
    const changed = (n: number) => ({ jsonrpc: '2.0', method: `notifications/n${n}` });
    let connections = 0;
    const rig = await createRig(
      legacyServer(({ method, body }, response) => {
        if (method !== 'GET') {
          if (body['id'] === undefined) response.writeHead(202).end();
          else sendJson(response, result(body['id']));
          return;
        }
        connections += 1;
        openEvents(response);
        if (connections > 2) return;
        response.write('retry: 10\n');
        sendEvent(response, changed(connections), `e${connections}`);
        response.end();
      }),
    );
    rig.send(initialize);
    await rig.received(1);
    rig.send(initialized);
    expect((await rig.received(3)).slice(1)).toEqual([changed(1), changed(2)]);
    await vi.waitFor(() => expect(connections).toBe(3));
    const gets = rig.http.asked.filter(({ method }) => method === 'GET');
    expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'e1', 'e2']);
  });

  it('can be asked by the server, and its answer goes back', async () => {
    const question = { jsonrpc: '2.0', id: 'q', method: 'roots/list' };
    let takeAnswer: (body: Record<string, unknown>) => void = () => undefined;
    const answered = new Promise<Record<string, unknown>>((resolve) => {
      takeAnswer = resolve;
    });
    const rig = await createRig(
      legacyServer(async ({ method, body }, response) => {
        if (method === 'GET') response.writeHead(405).end();
        else if (body['method'] === 'tools/call') {
          openEvents(response);
          sendEvent(response, question);
          sendEvent(response, result(body['id'], (await answered)['result']));
          response.end();
        } else {
          if (body['id'] === 'q') takeAnswer(body);
          response.writeHead(202).end();
        }
      }),
    );
    rig.send(initialize);
    await rig.received(1);
    rig.send(initialized, { jsonrpc: '2.0', id: 1, method: 'tools/call' });
    expect((await rig.received(2))[1]).toEqual(question);
    rig.send(result('q', { roots: [] }));
    expect((await rig.received(3))[2]).toEqual(result(1, { roots: [] }));
  });

  // Holds: legacy/new-session-after-404
  it('never notices that the bridge forgot its session: one new one serves all that wait', async () => {
    const known = new Set<string>();
    const rig = await createRig(
      legacyServer(({ method, body }, response) => {
        if (method === 'GET') response.writeHead(405).end();
        else if (body['id'] === undefined) response.writeHead(202).end();
        else sendJson(response, result(body['id']));
      }, known),
    );
    rig.send(initialize);
    await rig.received(1);
    rig.send(initialized, { jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await rig.received(2);
    known.clear();
    known.add('other');
    rig.send(
      { jsonrpc: '2.0', id: 2, method: 'tools/list' },
      { jsonrpc: '2.0', id: 3, method: 'prompts/list' },
    );
    const lines = await rig.received(4);
    expect(
      lines
        .slice(2)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([2, 3]);
    expect(lines.every((line) => 'result' in line)).toBe(true);
    const begun = rig.http.asked.filter(({ body }) => body['method'] === 'initialize');
    expect(begun).toHaveLength(2);
    expect(
      rig.http.asked.filter(({ body }) => body['method'] === 'notifications/initialized'),
    ).toHaveLength(2);
  });

  // Holds: legacy/cancellation
  it('tells the server of a cancellation, and hears no error of it', async () => {
    const rig = await createRig(
      legacyServer(({ method, body }, response) => {
        if (method === 'GET') response.writeHead(405).end();
        else if (body['method'] === 'tools/call') {
          openEvents(response);
          setTimeout(() => response.end(), 30);
        } else if (body['id'] === undefined) response.writeHead(202).end();
        else sendJson(response, result(body['id']));
      }),
    );
    rig.send(initialize);
    await rig.received(1);
    rig.send(initialized, { jsonrpc: '2.0', id: 1, method: 'tools/call' });
    const cancelled = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    };
    rig.send(cancelled);
    await vi.waitFor(() =>
      expect(rig.http.asked.map(({ body }) => body)).toContainEqual(cancelled),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    rig.send({ jsonrpc: '2.0', id: 2, method: 'ping' });
    expect((await rig.received(2)).slice(1)).toEqual([result(2)]);
  });
});
