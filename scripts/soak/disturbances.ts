// What is done to the bridge, one thing at a time: to its servers, to itself, to its database, to its
// disk and to its clock. Their order is drawn anew each round; after each, everything must be well again.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getJson } from '../log-check.ts';
import { connect } from './clients.ts';
import { descendants, sendSignal } from '../process-table.ts';
import type { Disk } from './disk.ts';
import type { Ledger } from './ledger.ts';
import type { Probes } from './probes.ts';
import type { Random } from './random.ts';
import { type SecondFate, runSecond } from './second.ts';
import type { Stage } from './stage.ts';
import type { Weather } from './weather.ts';

export interface Disturbance {
  readonly name: string;
  run(): Promise<void>;
}

export interface Disturbed {
  readonly name: string;
  /** Seconds since the soak began. */
  readonly at: number;
  /** From the beginning of the disturbance until everything answered. */
  readonly settledMs: number;
  /** What did not answer again in time. */
  readonly stuck: readonly string[];
}

const HOUR_MS = 3_600_000;
const RUN_MS = 90_000;
const SETTLE_MS = 45_000;
/** More than its checks may take. */
const READY_MS = 5_000;

export function listDisturbances(stage: Stage, random: Random, ledger: Ledger): Disturbance[] {
  const { door } = stage;
  const second = (fate: SecondFate) => (): Promise<void> =>
    runSecond({ stage, random, ledger, fate });
  const obey = (command: string) => async (): Promise<void> => {
    const client = await connect('rest', door);
    // A server that crashes or hangs gives no answer.
    await client.ask('worker__obey', { command }).catch(() => undefined);
  };
  return [
    { name: 'worker crashes', run: obey('crash') },
    { name: 'worker hangs', run: obey('hang') },
    { name: 'worker floods stderr and stdout', run: obey('flood') },
    {
      name: 'worker restarted by the operator',
      async run() {
        const headers = { Authorization: `Bearer ${door.token}` };
        const answer = await fetch(`${door.url}/v1/servers/worker/restart`, {
          method: 'POST',
          headers,
        });
        await answer.arrayBuffer();
      },
    },
    {
      name: 'filesystem server killed',
      async run() {
        const { servers } = await getJson<{ servers: { name: string; pids: number[] }[] }>(
          door,
          '/v1/servers',
        );
        for (const { name, pids } of servers)
          if (name === 'filesystem') for (const pid of pids) process.kill(pid, 'SIGKILL');
      },
    },
    { name: 'remote restarted, its sessions lost', run: () => stage.restartRemote() },
    {
      name: 'remote frozen',
      async run() {
        stage.remote.kill('SIGSTOP');
        await wait(random.between(3_000, 8_000));
        stage.remote.kill('SIGCONT');
      },
    },
    {
      name: 'bridge killed',
      async run() {
        await stage.kill();
        await stage.start();
      },
    },
    {
      name: 'postmaster killed alone',
      async run() {
        process.kill(await findPostmaster(stage.home), 'SIGKILL');
      },
    },
    {
      name: 'bridge and all below it killed',
      async run() {
        await stage.killTree();
        await stage.start();
      },
    },
    ...(['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((signal) => ({
      name: `bridge told to stop by ${signal}`,
      async run() {
        await stage.stop(signal);
        await stage.start();
      },
    })),
    {
      name: 'bridge frozen',
      run: () => freeze([stage.pid], random.between(2_000, 25_000)),
    },
    {
      name: 'database frozen',
      async run() {
        const postmaster = await findPostmaster(stage.home);
        await freeze([postmaster, ...descendants(postmaster)], random.between(2_000, 15_000), () =>
          expectNotReady(stage),
        );
      },
    },
    { name: 'second bridge frozen for so long that it is taken for dead', run: second('frozen') },
    { name: 'second bridge killed', run: second('killed') },
    {
      name: "bridge's clock an hour forward and back",
      async run() {
        await stage.setClock(HOUR_MS);
        await wait(random.between(1_000, 3_000));
        await stage.setClock(0);
      },
    },
    {
      name: "bridge's clock an hour back and forward",
      async run() {
        await stage.setClock(-HOUR_MS);
        await wait(random.between(1_000, 3_000));
        await stage.setClock(0);
      },
    },
    ...(stage.disk === undefined ? [] : [toFullDisk(stage.disk, stage, random)]),
  ];
}

async function freeze(
  pids: readonly number[],
  ms: number,
  before: () => Promise<void> = async () => undefined,
): Promise<void> {
  try {
    for (const pid of pids) sendSignal(pid, 'SIGSTOP');
    await wait(ms);
    await before();
  } finally {
    for (const pid of pids) sendSignal(pid, 'SIGCONT');
  }
}

async function findPostmaster(home: string): Promise<number> {
  const text = await readFile(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

function toFullDisk(disk: Disk, stage: Stage, random: Random): Disturbance {
  return {
    name: 'disk full',
    async run() {
      await disk.fill();
      try {
        await wait(random.between(3_000, 8_000));
        await expectNotReady(stage);
      } finally {
        disk.free();
      }
    },
  };
}

/** @throws Error when the bridge says that it is ready */
async function expectNotReady({ door }: Stage): Promise<void> {
  const response = await fetch(`${door.url}/ready`, { signal: AbortSignal.timeout(READY_MS) });
  if (response.ok) throw new Error(`/ready says ${await response.text()}`);
  await response.body?.cancel();
}

export interface DisturbOptions {
  readonly disturbances: readonly Disturbance[];
  readonly probes: Probes;
  readonly weather: Weather;
  readonly random: Random;
  /** Of calm between two, on average. */
  readonly everyMs: number;
  readonly begun: number;
  readonly signal: AbortSignal;
  /** For a bridge that is not well again, so that the rest of the soak means something. */
  readonly replaceBridge: () => Promise<void>;
  readonly report: (line: string) => void;
}

/** Goes on until the signal; resolves with what was done. */
export async function disturb({
  disturbances,
  probes,
  weather,
  random,
  everyMs,
  begun,
  signal,
  replaceBridge,
  report,
}: DisturbOptions): Promise<Disturbed[]> {
  const done: Disturbed[] = [];
  for (let queue: Disturbance[] = []; ;) {
    const calmMs = everyMs * (0.5 + random.next());
    await wait(calmMs, undefined, { signal }).catch(() => undefined); // the end
    if (signal.aborted) return done;
    if (queue.length === 0) queue = random.shuffle(disturbances);
    const next = queue.shift();
    if (next === undefined) return done;
    const start = performance.now();
    weather.begin(next.name);
    const failure = await Promise.race([
      next.run().then(
        () => undefined,
        (error: unknown) => `it could not be done: ${String(error)}`,
      ),
      wait(RUN_MS, `it was not done in ${RUN_MS / 1_000} s`, { ref: false }),
    ]);
    const stuck = await probes.settle(SETTLE_MS);
    if (failure !== undefined) stuck.push(failure);
    if (stuck.length > 0) await replaceBridge();
    weather.settle();
    const settledMs = performance.now() - start;
    done.push({ name: next.name, at: (start - begun) / 1_000, settledMs, stuck });
    report(
      `${next.name}: ${stuck.length === 0 ? `all well after ${Math.round(settledMs)} ms` : `STUCK: ${stuck.join('; ')}`}`,
    );
  }
}
