// Many connections that cost their owner nothing: without a key, slow, or half-closed.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Attack, AttackContext } from './attack.ts';
import { toBytes, toCallRequest } from './messages.ts';
import { inLanes, pause } from './requests.ts';
import { leave, openSocket, send, whenClosed } from './sockets.ts';

const KEYLESS = 800;
const KEYLESS_BYTES = 3_000_000;
const SLOW = 500;
const HALF_CLOSED = 300;

export const connections: readonly Attack[] = [
  {
    name: 'keyless-bodies',
    does: 'sends bodies of 3 MB with an invented key or none on 800 connections at once, again and again, the last byte held back for a second',
    run: async (context) => {
      const args = JSON.stringify({ text: 'x'.repeat(KEYLESS_BYTES) });
      const kinds = [undefined, `dbk_${randomBytes(32).toString('base64url')}`].map((key) =>
        toBytes(toCallRequest(args, { key })),
      );
      await inLanes(context, KEYLESS, async (_, round) => {
        const socket = await openSocket(context);
        // An invented key first: who looks for a key alone reads the body.
        const bytes = kinds[(round + 1) % kinds.length];
        if (socket === undefined || bytes === undefined) return;
        if (await send(socket, bytes.subarray(0, -1))) {
          context.count('bodies taken but for a byte');
          await Promise.race([pause(context, 1_000), whenClosed(socket)]);
          await send(socket, bytes.subarray(-1));
          await Promise.race([pause(context, 1_000), whenClosed(socket)]);
        }
        leave(socket);
      });
    },
  },
  {
    name: 'slow-bodies',
    does: 'sends a body at a byte a second on 500 connections with a key and 500 without',
    run: (context) =>
      trickleAll(context, (key) => {
        const { path, headers } = toCallRequest('{}', { key });
        const head = toBytes({ path, headers: { ...headers, 'Content-Length': '1000000' } });
        return { begin: head, byte: Buffer.from(' ') };
      }),
  },
  {
    name: 'slow-headers',
    does: 'sends its headers at a byte a second on 500 connections with a key and 500 without',
    run: (context) =>
      trickleAll(context, (key) => ({
        begin: Buffer.from(
          `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${key === undefined ? '' : `Authorization: Bearer ${key}\r\n`}X-Slow: `,
        ),
        byte: Buffer.from('x'),
      })),
  },
  {
    name: 'half-closed',
    does: 'closes its own side of 300 connections after a whole call, half a call, or nothing, and stays',
    run: async (context) => {
      const call = toBytes(toCallRequest('{"text":"half-closed"}', { key: context.key }));
      const beginnings = [call, call.subarray(0, -20), call.subarray(0, 40), Buffer.alloc(0)];
      await inLanes(context, HALF_CLOSED, async (lane, round) => {
        const socket = await openSocket(context, { allowHalfOpen: true });
        if (socket === undefined) return;
        socket.end(beginnings[(lane + round) % beginnings.length] ?? '');
        await Promise.race([pause(context, 2_000), whenClosed(socket)]);
        leave(socket);
      });
    },
  },
];

interface Trickle {
  readonly begin: Buffer;
  readonly byte: Buffer;
}

async function trickleAll(
  context: AttackContext,
  toTrickle: (key: string | undefined) => Trickle,
): Promise<void> {
  const trickles = [toTrickle(context.key), toTrickle(undefined)];
  await inLanes(context, SLOW * trickles.length, async (lane) => {
    const socket = await openSocket(context);
    const trickle = trickles[lane % trickles.length];
    if (socket === undefined || trickle === undefined) return;
    await trickleUntilClosed(context, socket, trickle);
    leave(socket);
  });
}

async function trickleUntilClosed(
  context: AttackContext,
  socket: Socket,
  { begin, byte }: Trickle,
): Promise<void> {
  await send(socket, begin);
  while (!context.signal.aborted && !socket.destroyed) {
    await Promise.race([pause(context, 1_000), whenClosed(socket)]);
    if (!(await send(socket, byte))) return;
    context.count('bytes');
  }
}
