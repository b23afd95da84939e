// Callers by the hundred: calls that are answered, refused, left or asked twice.
import { randomUUID } from 'node:crypto';
import type { Attack, AttackContext } from './attack.ts';
import { toCallRequest, toInitialize } from './messages.ts';
import { ask, createKeepAlive, inLanes } from './requests.ts';

const LARGE_BYTES = 1_000_000;
const CANCELLED = 256;
const OVER_LIMIT_BYTES = 5 * 1024 * 1024;

export const callers: readonly Attack[] = [
  {
    name: 'callers-200',
    does: 'makes small calls from 200 callers of one principal, each as soon as it has its answer',
    run: (context) => callSmall(context, 200),
  },
  {
    name: 'callers-1000',
    does: 'makes small calls from 1,000 callers of one principal, each as soon as it has its answer',
    run: (context) => callSmall(context, 1_000),
  },
  {
    name: 'callers-250-large',
    does: 'makes calls with arguments of 1 MB from 250 callers of one principal',
    run: async (context) => {
      const agent = createKeepAlive(250);
      const text = 'x'.repeat(LARGE_BYTES);
      const call = toCallRequest(JSON.stringify({ text }), { key: context.key });
      const request = { ...call, body: Buffer.from(call.body), agent };
      await inLanes(context, 250, () => ask(context, request));
    },
  },
  {
    name: 'refused-calls',
    does: 'makes calls that are refused: unknown tools, servers and methods, bodies over 4 MiB, and more calls than one principal may have under way',
    hostile: 'tools',
    run: refuse,
  },
  {
    name: 'cancelled-calls',
    does: 'has 256 slow calls under way and leaves them within half a second, over and over',
    hostile: 'tools',
    run: async (context) => {
      const call = toCallRequest('{"ms":30000}', { key: context.key, tool: 'hostile__slow' });
      await inLanes(context, CANCELLED, () =>
        ask(context, { ...call, leaveAfterMs: 50 + Math.random() * 450 }),
      );
    },
  },
  {
    name: 'idempotency-keys',
    does: 'makes REST calls from 100 callers, each with an Idempotency-Key of its own, and every fifth with the one before and another body',
    run: async (context) => {
      const agent = createKeepAlive(100);
      const last = new Map<number, string>();
      await inLanes(context, 100, (lane, round) => {
        const key = round % 5 === 4 ? last.get(lane) : undefined;
        const idempotencyKey = key ?? randomUUID().repeat(7);
        last.set(lane, idempotencyKey);
        const call = toCallRequest(JSON.stringify({ text: `${lane}.${round}` }), {
          key: context.key,
          way: 'rest',
        });
        const headers = { ...call.headers, 'Idempotency-Key': idempotencyKey };
        return ask(context, { ...call, headers, agent });
      });
    },
  },
  {
    name: 'sessions',
    does: 'begins legacy sessions from 100 callers without end, each with a client name of its own',
    run: async (context) => {
      const agent = createKeepAlive(100);
      await inLanes(context, 100, (lane, round) =>
        ask(context, { ...toInitialize(context.key, `client-${lane}-${round}`), agent }),
      );
    },
  },
];

async function callSmall(context: AttackContext, count: number): Promise<void> {
  const agent = createKeepAlive(count);
  const call = toCallRequest('{"text":"small"}', { key: context.key });
  await inLanes(context, count, () => ask(context, { ...call, agent }));
}

async function refuse(context: AttackContext): Promise<void> {
  const { key } = context;
  const agent = createKeepAlive(400);
  const unknown = (lane: number, round: number) => `no__tool-${lane}-${round}`;
  const large = toCallRequest(JSON.stringify({ text: 'x'.repeat(OVER_LIMIT_BYTES) }), { key });
  const slow = toCallRequest('{"ms":5000}', { key, tool: 'hostile__slow' });
  const refusals: ((lane: number, round: number) => Promise<unknown>)[] = [
    (lane, round) =>
      ask(context, { ...toCallRequest('{}', { key, tool: unknown(lane, round) }), agent }),
    (lane, round) =>
      ask(context, {
        ...toCallRequest('{}', { key, tool: unknown(lane, round), way: 'rest' }),
        agent,
      }),
    (lane, round) =>
      ask(context, {
        ...toCallRequest('{}', { key }),
        path: `/servers/${unknown(lane, round)}/mcp`,
        agent,
      }),
    (lane, round) =>
      ask(context, {
        ...toCallRequest('{}', { key }),
        body: `{"jsonrpc":"2.0","id":1,"method":"no/method-${lane}-${round}"}`,
        agent,
      }),
  ];
  await Promise.all([
    inLanes(context, 100, (lane, round) =>
      (refusals[(lane + round) % refusals.length] ?? (() => Promise.resolve()))(lane, round),
    ),
    inLanes(context, 4, () => ask(context, { ...large })),
    inLanes(context, 300, () => ask(context, { ...slow, agent })),
  ]);
}
