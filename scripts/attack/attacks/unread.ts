// Callers that ask and never read what they are answered.
import type { Attack, AttackContext } from './attack.ts';
import { toBytes, toCallRequest, toInitialize } from './messages.ts';
import { ask, createKeepAlive, inLanes, pause } from './requests.ts';
import { leave, openSocket, send } from './sockets.ts';

const ANSWERS = 87;
const ANSWER_BYTES = 8_000_000;
/** Longer than the bridge takes for all of them. */
const HOLD_MS = 30_000;
const STREAMS = 200;
const EVENT_BYTES = 100_000;

export const unread: readonly Attack[] = [
  {
    name: 'unread-pipelined',
    does: 'asks for 87 answers of 8 MB on one connection without reading them, leaves, and asks again',
    hostile: 'tools',
    run: async (context) => {
      const calls = Buffer.concat(Array.from({ length: ANSWERS }, () => toLargeCall(context)));
      await inLanes(context, 1, async () => {
        const socket = await openSocket(context, { isUnread: true });
        if (socket === undefined) return;
        if (await send(socket, calls)) context.count('calls sent', ANSWERS);
        await pause(context, HOLD_MS);
        leave(socket);
      });
    },
  },
  {
    name: 'unread-answers',
    does: 'asks for an answer of 8 MB on each of 87 connections without reading it, leaves, and asks again',
    hostile: 'tools',
    run: async (context) => {
      const call = toLargeCall(context);
      await inLanes(context, ANSWERS, async () => {
        const socket = await openSocket(context, { isUnread: true });
        if (socket === undefined) return;
        if (await send(socket, call)) context.count('calls sent');
        await pause(context, HOLD_MS);
        leave(socket);
      });
    },
  },
  {
    name: 'unread-streams',
    does: "opens 200 streams of a run's events and 200 of MCP sessions, reads none, and fills the run with events of 100 KB",
    run: async (context) => {
      const { key } = context;
      const agent = createKeepAlive(8);
      const text = 'x'.repeat(EVENT_BYTES);
      const call = toCallRequest(JSON.stringify({ text }), { key });
      await ask(context, { ...call, agent });
      const runId = await findRun(context);
      const session = (await ask(context, { ...toInitialize(key, 'unread'), agent }))?.headers[
        'mcp-session-id'
      ];
      const headers = { Authorization: `Bearer ${key}`, Accept: 'text/event-stream' };
      const streams = [
        { method: 'GET', path: `/v1/runs/${runId}/events`, headers },
        {
          method: 'GET',
          path: '/mcp',
          headers: {
            ...headers,
            'Mcp-Protocol-Version': '2025-11-25',
            'Mcp-Session-Id': String(session),
          },
        },
      ].map(toBytes);
      await Promise.all([
        inLanes(context, STREAMS * streams.length, async (lane) => {
          const socket = await openSocket(context, { isUnread: true });
          const stream = streams[lane % streams.length];
          if (socket === undefined || stream === undefined) return;
          await send(socket, stream);
          context.count('streams opened');
          await pause(context, HOLD_MS * (0.1 + Math.random() * 0.4));
          leave(socket);
        }),
        inLanes(context, 8, () => ask(context, { ...call, agent })),
      ]);
    },
  },
];

function toLargeCall({ key }: AttackContext): Buffer {
  const args = JSON.stringify({ bytes: ANSWER_BYTES });
  return toBytes(toCallRequest(args, { key, tool: 'hostile__large' }));
}

async function findRun(context: AttackContext): Promise<string> {
  const answer = await ask(context, {
    method: 'GET',
    path: '/v1/runs?limit=1',
    headers: { Authorization: `Bearer ${context.key}` },
  });
  const { runs } = JSON.parse(answer?.text ?? '{"runs":[]}') as { runs: { id: string }[] }; // GET /v1/runs
  return runs[0]?.id ?? 'none';
}
