// Many calls and many restarts of a server, as fast as it goes, and what the bridge holds before and
// after: whether anything grows with use.
import { createLedger, type Ledger } from './ledger.ts';
import { type SoakClient, Refusal, connect } from './clients.ts';
import { createProbes } from './probes.ts';
import { type Sample, takeSample } from './samples.ts';
import { type Stage, createStage } from './stage.ts';
import { type Verdict, judge } from './verdict.ts';
import { createWeather } from './weather.ts';

export interface FlatnessOptions {
  readonly calls: number;
  readonly restarts: number;
  readonly callers: number;
  readonly bridgeLog?: string | undefined;
  readonly report?: (line: string) => void;
}

export interface FlatnessResult {
  readonly ledger: Ledger;
  readonly verdict: Verdict;
  /** The first one after the warm-up, the last one at the end. */
  readonly samples: readonly Sample[];
  readonly restarts: number;
  readonly seconds: number;
  readonly leftBehind: readonly string[];
}

/** Before the first sample: code gets compiled and caches fill. */
const WARM_CALLS = 5_000;
const WARM_RESTARTS = 5;
const SAMPLES = 20;
/** One call in so many is a REST call, which is a run of its own; the rest are modern and legacy ones. */
const kinds = ['raw', 'raw', 'raw', 'modern', 'legacy', 'rest'] as const;
const SETTLE_MS = 60_000;

export async function runFlatness({
  calls,
  restarts,
  callers,
  bridgeLog,
  report = () => undefined,
}: FlatnessOptions): Promise<FlatnessResult> {
  const stage = await createStage({ bridgeLog });
  const ledger = createLedger();
  try {
    await stage.start();
    const probes = await createProbes(stage, createWeather());
    await probes.settle(SETTLE_MS);
    const clients = await Promise.all(
      Array.from({ length: callers }, (_, index) =>
        connect(kinds[index % kinds.length] ?? 'raw', stage.door),
      ),
    );
    const begun = performance.now();
    const samples: Sample[] = [];
    let asked = 0;
    const sample = async (): Promise<void> => {
      const at = (performance.now() - begun) / 1_000;
      const taken = await takeSample(stage, { at, answered: ledger.counts.answered });
      if (taken === undefined) throw new Error('The bridge could not be looked at.');
      samples.push(taken);
      report(
        `${asked} calls in ${Math.round(at)} s: heap ${taken.heap.toFixed(1)} MB, rss ${taken.rss.toFixed(0)} MB, ${taken.files} files, ${taken.processes} processes`,
      );
    };
    const go = async (count: number, restartCount: number): Promise<void> => {
      const until = asked + count;
      const call = async (client: SoakClient): Promise<void> => {
        while (asked < until) await ask(client, `f-${(asked += 1)}`, ledger);
      };
      const first = asked;
      const restart = async (): Promise<void> => {
        for (let done = 0; done < restartCount; done += 1) {
          while (asked < first + (count * done) / restartCount) await nextTick();
          await restartWorker(stage);
        }
      };
      await Promise.all([...clients.map(call), restart()]);
      await probes.settle(SETTLE_MS);
    };
    await go(Math.min(WARM_CALLS, calls), Math.min(WARM_RESTARTS, restarts));
    await sample();
    for (let part = 0; part < SAMPLES; part += 1) {
      const share = (total: number) =>
        Math.round((total * (part + 1)) / SAMPLES) - Math.round((total * part) / SAMPLES);
      await go(share(calls), share(restarts));
      await sample();
    }
    const seconds = (performance.now() - begun) / 1_000;
    const verdict = await judge({ stage, ledger });
    await Promise.all(clients.map((client) => client.close()));
    await stage.close();
    return { ledger, verdict, samples, restarts, seconds, leftBehind: stage.leftBehind };
  } finally {
    await stage.close();
  }
}

async function ask(client: SoakClient, token: string, ledger: Ledger): Promise<void> {
  try {
    const text = await client.ask('worker__note', { text: token });
    ledger.enter(token, text === token ? 'answered' : 'mixed-up', text);
  } catch (error) {
    // What was under way when its server was restarted.
    ledger.enter(
      token,
      error instanceof Refusal ? 'refused' : 'unanswered',
      error instanceof Refusal ? error.code : String(error),
    );
  }
}

async function restartWorker({ door }: Stage): Promise<void> {
  const response = await fetch(`${door.url}/v1/servers/worker/restart`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${door.token}` },
  });
  if (!response.ok) throw new Error(`restart: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 2);
  });
}
