// Every oddity that JSON can hold, through every way in, and the bridge is killed in the middle of it.
// Whatever the log holds then, the next start works on it.
import type { Attack } from './attack.ts';
import { toCallRequest, ways } from './messages.ts';
import { ask, createKeepAlive, inLanes } from './requests.ts';

/** As JSON text; each stands as a value, as a name, and inside of longer text. */
const oddStrings = [
  String.raw`\u0000`,
  String.raw`\ud800`,
  String.raw`\udfff`,
  String.raw`\udc00\ud800`,
  String.raw`\ud83d\ude00`,
  String.raw`\uffff\ufffe`,
  String.raw`\u202e\u2028\u2029`,
  String.raw`\\u0000`,
  String.raw`\\\u0000\"`,
  String.raw`\b\f\u001b[2J`,
  '',
  '__proto__',
  'constructor',
];
const oddValues = [
  '1e999',
  '-1e999',
  '-0',
  '123456789012345678901234567890',
  '1e-400',
  '[[],{}]',
  'null',
];

export const oddText: Attack = {
  name: 'odd-text',
  does: 'calls with NUL, lone surrogates and every other oddity of JSON in names and values, until the bridge is killed with SIGKILL in the middle; the next start has to succeed',
  hostile: 'tools',
  endsWithKill: true,
  run: async (context) => {
    const { key } = context;
    const agent = createKeepAlive(32);
    await inLanes(context, 32, async (lane, round) => {
      const odd = oddStrings[(lane + round) % oddStrings.length] ?? '';
      const value = oddValues[(lane * 3 + round) % oddValues.length] ?? 'null';
      const args = `{"text":"${odd}","${odd}":{"${odd}a":["b${odd}",${value}]},"text${odd}":"${odd}","ms":${lane % 2 === 0 ? 20 : 5_000}}`;
      const way = ways[(lane + round) % ways.length] ?? 'fast';
      // Half of them are still under way when the bridge is killed.
      const tool =
        lane % 4 === 0 ? 'quiet__note' : lane % 4 === 1 ? 'hostile__slow' : 'hostile__odd';
      const call = toCallRequest(args, { key, tool, way, client: `odd${odd}` });
      await ask(context, { ...call, agent });
    });
  },
};
