import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { listen } from '../../src/edge/listen.ts';

test.each(['0.0.0.0', '127.0.0.1', '::'])(
  'a bridge that listens on %s has a URL whose host requests may name',
  async (host) => {
    const listener = await listen({
      host,
      port: 0,
      edge: {
        connected() {},
        listener: (request, response) => response.end(request.headers.host),
      },
    });
    onTestFinished(listener.close);
    const said = await (await fetch(listener.url)).text();
    expect(said).toMatch(host === '::' ? /^\[::1\]:\d+$/ : /^127\.0\.0\.1:\d+$/);
  },
);

test('requests that were sent together are over when their connection is lost', async () => {
  let asked = 0;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    edge: {
      connected() {},
      listener: () => void (asked += 1),
    },
  });
  onTestFinished(listener.close);
  const socket = connect(Number(new URL(listener.url).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  await vi.waitFor(() => expect(asked).toBe(3));
  expect(listener.idleMs()).toBe(0);
  socket.destroy();
  await vi.waitFor(() => expect(listener.idleMs()).toBeGreaterThan(0));
});

test('a connection may rest for more than a minute before it is used again', async () => {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    edge: { connected() {}, listener: (_request, response) => response.end() },
  });
  onTestFinished(listener.close);
  const response = await fetch(listener.url);
  expect(response.headers.get('Keep-Alive')).toBe('timeout=65');
});

test('a request that comes after the drain is refused with the reason', async () => {
  let asked = 0;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    edge: {
      connected() {},
      listener(_request, response) {
        asked += 1;
        response.end();
      },
    },
  });
  onTestFinished(listener.close);
  await listener.drain(0);
  const response = await fetch(`${listener.url}/v1/tools`);
  expect([response.status, response.headers.get('Connection')]).toEqual([503, 'close']);
  expect(await response.json()).toMatchObject({ code: 'bridge/stopping' });
  expect(asked).toBe(0);
});
