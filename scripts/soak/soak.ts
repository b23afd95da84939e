// One soak: load and readers all the time, one disturbance after another, and at the end the verdict.
import { setTimeout as wait } from 'node:timers/promises';
import { type Disturbed, disturb, listDisturbances } from './disturbances.ts';
import { type Ledger, createLedger } from './ledger.ts';
import { createProbes } from './probes.ts';
import { createRandom } from './random.ts';
import { type ReaderFigures, followAll, followRuns, readSlowly, stall } from './readers.ts';
import { type Sample, takeSample } from './samples.ts';
import { createStage } from './stage.ts';
import { runTraffic } from './traffic.ts';
import { type Verdict, judge } from './verdict.ts';
import { createWeather } from './weather.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly callers: number;
  readonly pauseMs: number;
  /** Of calm between two disturbances, on average. */
  readonly everySeconds: number;
  /** Whether the home gets a disk of its own, where it can be mounted. */
  readonly mounts: boolean;
  /** Only disturbances whose names hold this. */
  readonly only?: string | undefined;
  readonly bridgeLog?: string | undefined;
  /** Ends the soak early. */
  readonly signal?: AbortSignal;
  readonly report?: (line: string) => void;
}

export interface SoakResult {
  readonly ledger: Ledger;
  readonly verdict: Verdict;
  readonly readers: ReaderFigures;
  readonly disturbed: readonly Disturbed[];
  readonly samples: readonly Sample[];
  /** What was not done, and why. */
  readonly skipped: readonly string[];
  readonly halfAlive: readonly string[];
  readonly leftBehind: readonly string[];
  readonly crashes: readonly string[];
  readonly bridges: number;
}

const SAMPLE_MS = 10_000;
const LINE_MS = 60_000;
const FIRST_SETTLE_MS = 60_000;
const QUIET_MS = 2_000;
const CATCH_UP_MS = 60_000;
/** Per minute of a soak, with what PostgreSQL keeps besides. */
const DISK_MEGABYTES = { least: 1_536, perMinute: 160 };

export async function runSoak({
  seconds,
  seed,
  callers,
  pauseMs,
  everySeconds,
  mounts,
  only = '',
  bridgeLog,
  signal: ended,
  report = () => undefined,
}: SoakOptions): Promise<SoakResult> {
  const diskMegabytes = Math.round(
    DISK_MEGABYTES.least + (DISK_MEGABYTES.perMinute * seconds) / 60,
  );
  const stage = await createStage({
    bridgeLog,
    diskMegabytes: mounts ? diskMegabytes : undefined,
  });
  const skipped = [
    ...(stage.disk === undefined ? [`disk full: ${stage.noDiskBecause}`] : []),
    "steps of the machine's clock: it is shared and is never touched; the clock of the bridge's own process is stepped instead, and PostgreSQL's is not",
  ];
  for (const line of skipped) report(`skipped: ${line}`);
  const weather = createWeather();
  const ledger = createLedger();
  const figures: ReaderFigures = {
    events: 0,
    connections: 0,
    runsFollowed: 0,
    stalled: 0,
    slowlyRead: 0,
    issues: [],
  };
  const samples: Sample[] = [];
  const load = new AbortController();
  ended?.addEventListener('abort', () => load.abort());
  const reading = new AbortController();
  const begun = performance.now();
  try {
    report(`the bridge was ready after ${Math.round(await stage.start())} ms`);
    const { door, folder } = stage;
    const reader = (name: string) => ({
      door,
      figures,
      random: createRandom(seed, name),
      signal: reading.signal,
    });
    const probes = await createProbes(stage, weather);
    const unwell = await probes.settle(FIRST_SETTLE_MS);
    if (unwell.length > 0) throw new Error(`Servers do not start: ${unwell.join('; ')}`);
    weather.settle();
    const follower = await followAll(reader('all'));
    const others = [
      followRuns(reader('run')),
      stall(reader('stall-1')),
      stall(reader('stall-2')),
      readSlowly(reader('slow-1')),
      readSlowly(reader('slow-2')),
    ];
    const { signal } = load;
    const traffic = runTraffic({
      door,
      folder,
      callers,
      pauseMs,
      seed,
      ledger,
      weather,
      signal,
    });
    const watching = probes.watch(signal);
    const sampling = sample();
    const random = createRandom(seed, 'disturbances');
    const disturbing = disturb({
      disturbances: listDisturbances(stage, random, ledger).filter(({ name }) =>
        name.includes(only),
      ),
      probes,
      weather,
      random,
      everyMs: everySeconds * 1_000,
      begun,
      signal,
      async replaceBridge() {
        await stage.kill();
        await stage.start();
        await probes.settle(FIRST_SETTLE_MS);
      },
      report,
    });
    await Promise.race([
      wait(seconds * 1_000, undefined, { signal }).catch(() => undefined), // ended early by a failure
      Promise.all([traffic, watching, sampling, disturbing]),
    ]);
    load.abort();
    await Promise.all([traffic, sampling]);
    const [disturbed, halfAlive] = await Promise.all([disturbing, watching]);
    const readers = { figures, follower };
    // What the last life left open is ended by the next.
    await stage.stop('SIGTERM');
    await stage.start();
    for (
      const until = performance.now() + CATCH_UP_MS, restarted = performance.now();
      performance.now() < until &&
      performance.now() - Math.max(restarted, follower.lastEventAt) < QUIET_MS;
    )
      await wait(100);
    const verdict = await judge({ stage, ledger, readers }).catch(async (error: unknown) => {
      stage.crashes.push(`bridge ${stage.life} does not let its log be read: ${String(error)}`);
      await stage.kill();
      await stage.start();
      return judge({ stage, ledger, readers });
    });
    reading.abort();
    await Promise.all([follower.done, ...others]);
    await stage.close();
    const { leftBehind, crashes, life: bridges } = stage;
    return {
      ledger,
      verdict,
      readers: figures,
      disturbed,
      samples,
      skipped,
      halfAlive,
      leftBehind,
      crashes,
      bridges,
    };
  } finally {
    load.abort();
    reading.abort();
    await stage.close();
  }

  async function sample(): Promise<void> {
    for (let told = begun; !load.signal.aborted;) {
      const now = performance.now();
      const taken =
        weather.disturbance === undefined
          ? await takeSample(stage, {
              at: (now - begun) / 1_000,
              answered: ledger.counts.answered,
            })
          : undefined;
      if (taken !== undefined) samples.push(taken);
      if (taken !== undefined && now - told >= LINE_MS) {
        told = now;
        report(toLine(taken, ledger));
      }
      // A moment that was missed is made up for soon.
      await wait(taken === undefined ? 500 : SAMPLE_MS, undefined, { signal: load.signal }).catch(
        () => undefined, // the end
      );
    }
  }
}

function toLine(sample: Sample, { counts, failedInCalm, mixedUp }: Ledger): string {
  const { at, life, heap, rss, files, processes, strays } = sample;
  return [
    `${Math.round(at)} s`,
    `${counts.answered} answered`,
    `${counts.refused} refused`,
    `${counts.unanswered} unanswered`,
    `${failedInCalm.count} failed in calm`,
    `${mixedUp.length} mixed up`,
    `bridge ${life}: heap ${heap.toFixed(1)} MB, rss ${rss.toFixed(0)} MB, ${files} files, ${processes} processes, ${strays} strays`,
  ].join(', ');
}
