// A second bridge on the database of the first, with a home of its own. Both write the log, and each ends
// what the other leaves open: also of a bridge that was only frozen, and wakes up to find its runs ended.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Door, spawnBridge, waitUntilReady } from '../bridge-process.ts';
import { descendants, sendSignal, survivors } from '../process-table.ts';
import { Refusal, connect } from './clients.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

export type SecondFate = 'frozen' | 'killed';

export interface SecondOptions {
  readonly stage: Stage;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly fate: SecondFate;
}

const CALLERS = 4;
const LIVES_MS = 4_000;
/** A bridge is taken for dead after 30 s without a sign of life; others look every 5 s. */
const FROZEN_MS = 42_000;

/** Resolves when the second bridge is gone. */
export async function runSecond({ stage, random, ledger, fate }: SecondOptions): Promise<void> {
  const home = join(stage.folder, 'second');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const child = spawnBridge({
    cwd: stage.folder,
    home,
    env: { DATABASE_URL: await toDatabaseUrl(stage.home) },
  });
  const ended = new AbortController();
  const callers: Promise<void>[] = [];
  try {
    const door = await waitUntilReady(home, child);
    for (let index = 0; index < CALLERS; index += 1) {
      const name = `second-${stage.life}-${random.between(0, 1e9)}-${index}`;
      callers.push(callUntil({ door, ledger, name, signal: ended.signal }));
    }
    await wait(LIVES_MS);
    if (fate === 'frozen') {
      child.kill('SIGSTOP');
      await wait(FROZEN_MS);
      child.kill('SIGCONT');
      await wait(LIVES_MS);
    }
  } finally {
    ended.abort();
    const pids = descendants(child.pid);
    child.kill('SIGCONT');
    for (const pid of [child.pid ?? 0, ...pids]) if (pid > 0) sendSignal(pid, 'SIGKILL');
    for (const left of await survivors(pids)) stage.crashes.push(`of the second bridge: ${left}`);
    await Promise.all(callers);
  }
}

interface CallerOptions {
  readonly door: Door;
  readonly ledger: Ledger;
  readonly name: string;
  readonly signal: AbortSignal;
}

async function callUntil({ door, ledger, name, signal }: CallerOptions): Promise<void> {
  const client = await connect('rest', door);
  for (let count = 1; !signal.aborted; count += 1) {
    const token = `${name}.${count}`;
    const tool = count % 3 === 0 ? 'worker__slow' : 'worker__note';
    try {
      const text = await client.ask(tool, { text: token, ms: 200 }, { signal });
      if (text === token) ledger.enter(token, 'answered');
      else ledger.enter(token, 'mixed-up', text.slice(0, 200));
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'network/second';
      ledger.enter(token, error instanceof Refusal ? 'refused' : 'unanswered', code);
      await wait(50);
    }
  }
}

/** The embedded server listens on a socket in its data folder. */
async function toDatabaseUrl(home: string): Promise<string> {
  const folder = join(home, 'postgres');
  const [, , , port = '', socket = ''] = (
    await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')
  ).split('\n');
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim();
  const host = socket === '.' || socket === '' ? join(folder, 'data') : socket;
  return `postgres://drawbridge:${password}@${encodeURIComponent(host)}:${port}/postgres`;
}
