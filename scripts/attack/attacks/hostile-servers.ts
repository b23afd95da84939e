// A server that does harm. The attacker only keeps it at work; what it does is in hostile-server.mjs,
// and its own counts are told with the attacker's.
import type { Attack, AttackContext, HostileMode } from './attack.ts';
import { toCallRequest } from './messages.ts';
import { ask, createKeepAlive, inLanes, pause } from './requests.ts';

const ANSWER_BYTES = 30_000_000;

export const hostileServers: readonly Attack[] = [
  toListAttack(
    'flapping-server',
    'flap',
    'a server with 1,000 tools says some 500 times a second that its list changed, and it has, each time',
  ),
  toListAttack(
    'endless-pages',
    'pages',
    'a server whose lists always have a next page, of 1,000 entries each',
  ),
  toListAttack(
    'huge-lists',
    'entries',
    'a server whose lists have 100,000 entries each, which change every two seconds',
  ),
  toListAttack(
    'huge-list-message',
    'message',
    'a server that answers each list with one message of 60 MB',
  ),
  {
    name: 'large-answers',
    does: 'asks a server for answers of 30 MB in one line, four at a time',
    hostile: 'tools',
    run: async (context) => {
      const call = toCallRequest(JSON.stringify({ bytes: ANSWER_BYTES }), {
        key: context.key,
        tool: 'hostile__large',
      });
      await inLanes(context, 4, () => ask(context, call));
    },
  },
  {
    name: 'noisy-server',
    does: 'a server floods stderr, log messages and progress at full speed while calls of it are under way',
    hostile: 'noise',
    run: async (context) => {
      const call = toCallRequest('{"ms":2000}', {
        key: context.key,
        tool: 'hostile__slow',
        way: 'sdk',
      });
      await inLanes(context, 8, () => ask(context, call));
    },
  },
];

function toListAttack(name: string, hostile: HostileMode, what: string): Attack {
  return {
    name,
    does: `${what}, while a member lists and calls its tools`,
    hostile,
    run: keepBusy,
  };
}

async function keepBusy(context: AttackContext): Promise<void> {
  const agent = createKeepAlive(4);
  const headers = { Authorization: `Bearer ${context.key}` };
  const call = toCallRequest('{}', { key: context.key, tool: 'hostile__tool-1' });
  await inLanes(context, 2, async (lane) => {
    if (lane === 0) await ask(context, { ...call, agent });
    else await ask(context, { method: 'GET', path: '/v1/tools?limit=10', headers, agent });
    await pause(context, 200);
  });
}
