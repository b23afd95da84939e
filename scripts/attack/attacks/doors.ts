// What is no call at all: paths and methods at random, keys that are none, and bytes that are not HTTP.
import { randomBytes, randomUUID } from 'node:crypto';
import { METHODS } from 'node:http';
import type { Attack, AttackContext } from './attack.ts';
import { toBytes, toCallRequest } from './messages.ts';
import { ask, createKeepAlive, inLanes, pause } from './requests.ts';
import { leave, openSocket, send, whenClosed } from './sockets.ts';

const RANDOM_PATHS = 20_000;
const REVOKED = 50;

export const doors: readonly Attack[] = [
  {
    name: 'random-paths',
    does: 'asks for 20,000 random paths with random methods, with and without a key, and then for more of them; see the size of a scrape',
    run: async (context) => {
      const agent = createKeepAlive(64);
      let asked = 0;
      await inLanes(context, 64, async () => {
        const name = randomUUID();
        const path = [
          `/${name}`,
          `/v1/${name}`,
          `/mcp/${name}`,
          `/servers/${name}/mcp`,
          `/${name}/x`,
        ][asked % 5];
        const method = asked % 7 === 0 ? name.slice(0, 8).toUpperCase() : pick(METHODS);
        asked += 1;
        if (method === 'CONNECT') return;
        const headers = asked % 3 === 0 ? {} : { Authorization: `Bearer ${context.key}` };
        await ask(context, { method, path: path ?? '/', headers, agent });
        if (asked === RANDOM_PATHS) context.count('all 20,000 asked');
      });
    },
  },
  {
    name: 'revoked-keys',
    does: 'makes 50 keys, lets them be revoked, and asks with them, with invented ones and with none from 200 callers',
    run: async (context) => {
      const agent = createKeepAlive(200);
      const revoked = await Promise.all(
        Array.from({ length: REVOKED }, () => makeRevoked(context)),
      );
      await inLanes(context, 200, (lane, round) => {
        const keys = [
          revoked[(lane + round) % revoked.length],
          `dbk_${randomBytes(32).toString('base64url')}`,
          'x'.repeat(4_000),
          undefined,
        ];
        const call = toCallRequest('{"text":"revoked"}', { key: keys[round % keys.length] });
        return ask(context, { ...call, agent });
      });
    },
  },
  {
    name: 'upgrades',
    does: 'asks on 200 connections for WebSockets, for h2c and for tunnels with CONNECT, with and without a key, and sends on',
    run: (context) =>
      sendAll(context, 200, (round) => {
        const key = round % 8 < 4 ? `Authorization: Bearer ${context.key}\r\n` : '';
        const host = `Host: 127.0.0.1\r\n${key}`;
        const heads = [
          `GET /mcp HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
          `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${host}\r\n`,
          `POST /mcp HTTP/1.1\r\n${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: 0\r\n\r\n`,
          'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        ];
        return Buffer.concat([Buffer.from(heads[round % heads.length] ?? ''), randomBytes(20_000)]);
      }),
  },
  {
    name: 'garbage',
    does: 'sends on 200 connections valid calls with random bytes between them, requests of two lengths, and chunks of a byte',
    run: (context) => {
      const call = toBytes(toCallRequest('{"text":"garbage"}', { key: context.key }));
      const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${context.key}\r\nContent-Type: application/json\r\n`;
      const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(100_000)}0\r\n\r\n`;
      return sendAll(context, 200, (round) => {
        const kinds = [
          () => Buffer.concat([call, call, randomBytes(10_000), call]),
          () => randomBytes(100_000),
          () => Buffer.from(chunked),
          () => Buffer.from(`${head}Content-Length: 5\r\nContent-Length: 500\r\n\r\nhello`),
          () =>
            Buffer.from(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
          () => Buffer.concat(Array.from({ length: 200 }, () => call)),
        ];
        return (kinds[round % kinds.length] ?? kinds[0])?.() ?? call;
      });
    },
  },
  {
    name: 'huge-headers',
    does: 'sends on 200 connections requests with a header of 1 MB, with 20,000 headers, and with a path of 1 MB',
    run: (context) => {
      const begin = 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n';
      const many = Array.from({ length: 20_000 }, (_, index) => `X-${index}: x\r\n`).join('');
      const kinds = [
        Buffer.from(`${begin}X-Large: ${'x'.repeat(1_000_000)}\r\n\r\n`),
        Buffer.from(`${begin}${many}\r\n`),
        Buffer.from(`GET /${'x'.repeat(1_000_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`),
        Buffer.from(`${begin}Authorization: Bearer ${'x'.repeat(15_000)}\r\n\r\n`),
      ];
      return sendAll(context, 200, (round) => kinds[round % kinds.length] ?? Buffer.alloc(0));
    },
  },
];

/** A connection each time, one second at most. */
async function sendAll(
  context: AttackContext,
  lanes: number,
  toNext: (round: number) => Buffer,
): Promise<void> {
  await inLanes(context, lanes, async (lane, round) => {
    const socket = await openSocket(context);
    if (socket === undefined) return;
    await Promise.race([
      send(socket, toNext(lane + round)).then(() => whenClosed(socket)),
      pause(context, 1_000),
    ]);
    leave(socket);
  });
}

async function makeRevoked(context: AttackContext): Promise<string> {
  const headers = {
    Authorization: `Bearer ${context.operatorKey}`,
    'Content-Type': 'application/json',
  };
  const made = await ask(context, { path: '/v1/keys', headers, body: '{"name":"revoked"}' });
  const { id, key } = JSON.parse(made?.text ?? '{}') as { id?: string; key?: string }; // POST /v1/keys
  await ask(context, { method: 'DELETE', path: `/v1/keys/${id}`, headers });
  return key ?? '';
}

function pick(values: readonly string[]): string {
  return values[Math.floor(Math.random() * values.length)] ?? 'GET';
}
