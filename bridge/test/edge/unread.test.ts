// Callers that do not read their answers, over real connections.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';
import { type RawConnection, open, toCall } from './connection.ts';

const LARGE = 12_000_000;
/** More than the kernel takes for a reader that doesn't read. */
const LARGEST = 30_000_000;
let bridge: TestBridge;
let member: string;

const mcpServers = {
  big: {
    command: process.execPath,
    args: [join(import.meta.dirname, '../support/servers/large-answers.mjs')],
  },
};

beforeAll(async () => {
  const limits = { unreadBytes: 40_000_000, unreadBytesTotal: 400_000_000, unreadTimeout: '3s' };
  bridge = await startTestBridge({ mcpServers, drawbridge: { limits } });
  ({ member } = bridge.bridge.keys);
  await bridge.request('/v1/tools');
}, 60_000);
afterAll(() => bridge.close());

function ask(bytes: number, { times = 1, key = member } = {}): RawConnection {
  const connection = open(bridge.url);
  connection.socket.write(toCall(key, 'big__large', { args: { bytes } }).repeat(times));
  return connection;
}
/** Takes the beginning of the answer and leaves the rest. */
async function begin(connection: RawConnection): Promise<void> {
  await connection.status();
  connection.socket.pause();
}
async function calls(): Promise<number> {
  const response = await bridge.request('/v1/tools/big__count/call', {
    method: 'POST',
    body: '{}',
  });
  const { result } = (await response.json()) as { result: { content: { text: string }[] } };
  return Number(result.content[0]?.text);
}
/** A paused socket hears of its end only when it is written to, or read on. */
async function isCut(connection: RawConnection, bytes: number): Promise<boolean> {
  connection.socket.resume();
  await vi.waitFor(
    () => {
      if (!connection.isClosed() && connection.text().length < bytes) throw new Error('not yet');
    },
    { timeout: 10_000, interval: 20 },
  );
  return connection.text().length < bytes;
}

test('a caller that takes nothing of its answer for too long loses the connection', async () => {
  const connection = ask(LARGEST);
  await begin(connection);
  await wait(5_500);
  expect(await isCut(connection, LARGEST)).toBe(true);
}, 30_000);

test('a caller that reads slowly and steadily gets the whole answer', async () => {
  const connection = ask(LARGE);
  const { socket } = connection;
  socket.on('data', () => {
    socket.pause();
    setTimeout(() => socket.resume(), 25);
  });
  const started = performance.now();
  await vi.waitFor(
    () => {
      if (connection.text().length <= LARGE) throw new Error('not yet');
    },
    { timeout: 25_000, interval: 50 },
  );
  expect(performance.now() - started).toBeGreaterThan(3_500); // longer than the time without a byte
  expect(connection.isClosed()).toBe(false);
}, 40_000);

// Holds: unread/own-cost
test('of several unread answers those that lie longest are given up, and others are served', async () => {
  const first = ask(LARGEST);
  await begin(first);
  const second = ask(LARGEST);
  await begin(second);
  const third = ask(LARGEST);
  await begin(third);
  expect(await calls()).toBeGreaterThan(0);
  expect(await isCut(first, LARGEST)).toBe(true);
  expect(await isCut(third, LARGEST)).toBe(false);
}, 30_000);

test('requests that are sent together are carried out one by one, as their answers are read', async () => {
  const before = await calls();
  const connection = ask(LARGEST, { times: 20 });
  await begin(connection);
  await wait(500);
  expect(await calls()).toBe(before + 1);
  connection.socket.destroy();
}, 30_000);

test('requests that are sent together are answered in order', async () => {
  const connection = open(bridge.url);
  const sizes = [1, 200_000, 3, 100_000, 5];
  connection.socket.write(
    sizes.map((bytes) => toCall(member, 'big__large', { args: { bytes } })).join(''),
  );
  await vi.waitFor(
    () => {
      const found = [...connection.text().matchAll(/"text":"(x+)"/g)].map(
        ([, text = '']) => text.length,
      );
      expect(found).toEqual(sizes);
    },
    { timeout: 10_000, interval: 50 },
  );
}, 30_000);

test('a connection that sends more requests than anybody needs is closed', async () => {
  const connection = open(bridge.url);
  connection.socket.write('GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(1_000));
  await connection.closed();
  expect((await bridge.request('/live')).status).toBe(200);
});

test('a stream that nobody reads is cut when too much of it waits', async () => {
  const connection = open(bridge.url);
  const args = { times: 225, bytes: 400_000 };
  const meta = { progressToken: 'p' };
  connection.socket.write(toCall(member, 'big__chatter', { args, meta }));
  await begin(connection);
  const reading = bridge.request('/v1/tools/big__count/call', { method: 'POST', body: '{}' });
  expect((await reading).status).toBe(200);
  expect(await isCut(connection, 90_000_000)).toBe(true);
}, 30_000);

test('where all together leave too much unread, one of them loses its connection', async () => {
  const limits = { unreadBytes: 400_000_000, unreadBytesTotal: 40_000_000 };
  await bridge.config({ mcpServers, drawbridge: { limits } });
  const first = ask(LARGEST);
  await begin(first);
  const second = ask(LARGEST, { key: bridge.bridge.keys.operator });
  const cuts = [await isCut(second, LARGEST), await isCut(first, LARGEST)];
  expect(cuts.filter(Boolean)).toHaveLength(1);
}, 30_000);
