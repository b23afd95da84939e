// The load: callers of four kinds, each with one call under way at a time, that read and write, fetch
// small and large results, wait for progress, take calls back, and leave in the middle of them.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Door } from '../bridge-process.ts';
import { type ClientKind, Refusal, type SoakClient, clientKinds, connect } from './clients.ts';
import type { Ledger } from './ledger.ts';
import { type Random, createRandom } from './random.ts';
import type { Weather } from './weather.ts';

export interface TrafficOptions {
  readonly door: Door;
  /** The project's root. */
  readonly folder: string;
  readonly callers: number;
  /** Between two calls of one caller, on average. */
  readonly pauseMs: number;
  readonly seed: number;
  readonly ledger: Ledger;
  readonly weather: Weather;
  readonly signal: AbortSignal;
}

type Action = 'note' | 'peek' | 'info' | 'large' | 'slow' | 'cancel' | 'leave';

/** How often each is done, of 100. */
const shares: readonly (readonly [Action, number])[] = [
  ['note', 35],
  ['peek', 22],
  ['info', 18],
  ['large', 6],
  ['slow', 9],
  ['cancel', 6],
  ['leave', 4],
];
const LARGE_CHARACTERS = 64 * 1024;
const RETRY_MS = 200;
/** A client that is not answered so often in a row connects anew. */
const MISSES = 3;

/** Resolves when all callers have ended, after the signal. */
export async function runTraffic(options: TrafficOptions): Promise<void> {
  await Promise.all(
    Array.from({ length: options.callers }, (_, index) => {
      const kind = clientKinds[index % clientKinds.length] ?? 'raw';
      return callUntil({ ...options, kind, name: `${kind}-${index}` });
    }),
  );
}

interface Caller extends TrafficOptions {
  readonly kind: ClientKind;
  readonly name: string;
}

async function callUntil(caller: Caller): Promise<void> {
  const { signal, kind, name, door, pauseMs, seed } = caller;
  const random = createRandom(seed, name);
  let client: SoakClient | undefined;
  let misses = 0;
  for (let count = 1; !signal.aborted; count += 1) {
    try {
      client ??= await connect(kind, door);
    } catch {
      await wait(RETRY_MS); // There is no bridge now; the disturbances say whether there should be.
      continue;
    }
    const token = `${name}.${count}`;
    const action = choose(random);
    const fate = await perform({ caller, client, random, token, action });
    misses = fate === 'unanswered' ? misses + 1 : 0;
    if (fate === 'left' || misses === MISSES) {
      await client.close().catch(() => undefined); // it is given up either way
      client = undefined;
      misses = 0;
    }
    await wait(fate === 'unanswered' ? RETRY_MS : random.between(0, pauseMs * 2));
  }
  await client?.close().catch(() => undefined); // the last thing it does
}

interface Performance {
  readonly caller: Caller;
  readonly client: SoakClient;
  readonly random: Random;
  readonly token: string;
  readonly action: Action;
}

async function perform({ caller, client, random, token, action }: Performance) {
  const { ledger, weather, folder } = caller;
  const begun = performance.now();
  const stop = new AbortController();
  const { tool, args } = toCall(action, { token, folder, random });
  const timer = setTimeout(
    () => {
      if (action === 'cancel') stop.abort();
      if (action === 'leave') void client.close().then(() => stop.abort());
    },
    random.between(20, 300),
  );
  const enter = (fate: Parameters<Ledger['enter']>[1], detail?: string) => {
    ledger.enter(token, fate, detail);
    return fate;
  };
  try {
    const text = await client.ask(tool, args, {
      signal: stop.signal,
      ...(action === 'slow' && { onprogress: () => ledger.noteProgress() }),
    });
    return isRight(action, text, token) ? enter('answered') : enter('mixed-up', text.slice(0, 200));
  } catch (error) {
    if (error instanceof Refusal && error.code === 'tool_error' && error.message.includes(token))
      return enter('answered');
    if (action === 'cancel') return enter('cancelled');
    if (action === 'leave') return enter('left');
    const said = error instanceof Error ? error.message : String(error);
    const code = error instanceof Refusal ? error.code : toNetworkCode(error);
    if (weather.wasCalmSince(begun)) ledger.failInCalm(`${token} ${tool}: ${code}: ${said}`);
    return enter(error instanceof Refusal ? 'refused' : 'unanswered', code);
  } finally {
    clearTimeout(timer);
  }
}

function choose(random: Random): Action {
  let left = random.between(1, 100);
  for (const [action, share] of shares) {
    left -= share;
    if (left <= 0) return action;
  }
  return 'note';
}

function toCall(
  action: Action,
  { token, folder, random }: { token: string; folder: string; random: Random },
): { tool: string; args: Record<string, unknown> } {
  const server = random.next() < 0.7 ? 'worker' : 'remote';
  switch (action) {
    // No such file: the answer is an error of the tool that names the path.
    case 'info':
      return { tool: 'filesystem__info', args: { path: join(folder, token) } };
    case 'note':
    case 'peek':
    case 'large':
      return { tool: `${server}__${action}`, args: { text: token } };
    case 'slow':
    case 'cancel':
    case 'leave':
      return { tool: `${server}__slow`, args: { text: token, ms: random.between(300, 800) } };
    default:
      return action satisfies never;
  }
}

function isRight(action: Action, text: string, token: string): boolean {
  return action === 'large'
    ? text.startsWith(`${token} `) && text.length === LARGE_CHARACTERS
    : text === token;
}

function toNetworkCode(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && (typeof current.code === 'string' || typeof current.code === 'number'))
      return `network/${current.code}`;
  }
  return error instanceof Error ? `network/${error.name}` : 'network/unknown';
}
