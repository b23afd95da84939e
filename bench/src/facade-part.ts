// Part two: the bridge's own HTTP. Reads, the delay of live streams, and what the log takes; all of
// it through the public doors.
import type { Contender } from './contenders/contender.ts';
import type { HttpTarget } from './load/connection.ts';
import type { LoadProcess } from './load/load-process.ts';
import type { Times } from './load/commands.ts';
import { type Reading, takeSample, toReading } from './sampling.ts';
import type { Performing, Stage } from './stage.ts';
import { type Percentiles, toPercentiles, toSum } from './statistics.ts';

export interface FacadeReading {
  readonly reads: readonly {
    readonly path: string;
    readonly callers: number;
    readonly reading: Reading;
  }[];
  readonly streams: readonly StreamReading[];
  readonly appends: readonly AppendReading[];
}

/** Milliseconds from a call's answer to the event at a reader. */
export interface StreamReading extends Percentiles {
  readonly readers: number;
  readonly deliveries: number;
  readonly missing: number;
}

export interface AppendReading {
  readonly name: string;
  readonly callers: number;
  readonly callsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly commitsPerSecond: number;
  readonly eventsPerCommit: number;
  /** Mean time of a commit. */
  readonly commitMs: number;
}

export interface FacadeOptions extends Times {
  /** The bridge that is read, and those whose log is filled. */
  readonly bridge: Contender;
  readonly appending: readonly Contender[];
  readonly readCallers: readonly number[];
  readonly readers: readonly number[];
  readonly streamCalls: number;
  readonly say: (line: string) => void;
}

interface Parts {
  readonly stage: Stage;
  readonly load: LoadProcess;
}

/** Calls before the reads, so that lists and pages have something in them. */
const SEED_MS = 500;
const APPENDING_CALLERS = 128;
const STREAM_INTERVAL_MS = 200;

export async function measureFacade(parts: Parts, options: FacadeOptions): Promise<FacadeReading> {
  const { bridge, appending, say } = options;
  say('starting the bridge');
  const performing = await parts.stage.start(bridge);
  const facade = await fillFacade(parts, performing);
  const reads = await measureReads(parts, facade, options);
  const streams = await measureStreams(parts, facade, options);
  await performing.stop();
  const appends: AppendReading[] = [];
  for (const contender of appending) {
    say(`appends: ${contender.name}`);
    const filled = await parts.stage.start(contender);
    appends.push(await measureAppends(parts, filled, options));
    await filled.stop();
  }
  return { reads, streams, appends };
}

interface Facade {
  readonly performing: Performing;
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly runId: string;
}

async function fillFacade({ load }: Parts, performing: Performing): Promise<Facade> {
  const { name } = performing.contender;
  const fill = { name, callers: 8, warmupMs: 0, measureMs: SEED_MS };
  await load.ask('call', { ...fill, tool: 'large' });
  await load.ask('call', { ...fill, tool: 'small' });
  const target = toHttp(performing);
  const origin = new URL(target.url).origin;
  return { performing, origin, headers: target.headers, runId: (await newestRun(target)).id };
}

async function measureReads(
  { load }: Parts,
  { performing, origin, headers, runId }: Facade,
  { readCallers, say, warmupMs, measureMs }: FacadeOptions,
): Promise<FacadeReading['reads']> {
  const paths = ['/health', '/v1/tools', '/v1/runs', `/v1/runs/${runId}/events?limit=50`];
  const reads: { path: string; callers: number; reading: Reading }[] = [];
  for (const path of paths) {
    for (const callers of readCallers) {
      const shown = path.replace(runId, '{id}');
      say(`GET ${shown}, ${callers} at once`);
      const asked = { url: origin + path, headers, callers, warmupMs, measureMs };
      const sample = await takeSample(performing.pid, (onEdge) => load.ask('read', asked, onEdge));
      reads.push({ path: shown, callers, reading: toReading([sample]) });
    }
  }
  return reads;
}

async function measureStreams(
  { load }: Parts,
  { performing, origin, headers, runId }: Facade,
  { readers: counts, streamCalls, say }: FacadeOptions,
): Promise<StreamReading[]> {
  const readings: StreamReading[] = [];
  for (const readers of counts) {
    say(`live stream, readers: ${readers}`);
    const { lastSeq } = await newestRun(toHttp(performing));
    const { delays, missing } = await load.ask('follow', {
      name: performing.contender.name,
      url: `${origin}/v1/runs/${runId}/events?after=${lastSeq}`,
      headers,
      readers,
      calls: streamCalls,
      intervalMs: STREAM_INTERVAL_MS,
    });
    readings.push({ readers, deliveries: delays.length, missing, ...toPercentiles(delays) });
  }
  return readings;
}

async function measureAppends(
  { load }: Parts,
  performing: Performing,
  { warmupMs, measureMs }: FacadeOptions,
): Promise<AppendReading> {
  const { name } = performing.contender;
  const target = toHttp(performing);
  const asked = { name, tool: 'small', callers: APPENDING_CALLERS } as const;
  await load.ask('call', { ...asked, warmupMs: 0, measureMs: warmupMs });
  const before = await readLog(target);
  const begin = performance.now();
  await load.ask('call', { ...asked, warmupMs: 0, measureMs });
  const seconds = (performance.now() - begin) / 1_000;
  const after = await readLog(target);
  const events = after.lastSeq - before.lastSeq;
  const commits = after.commits - before.commits;
  return {
    name,
    callers: APPENDING_CALLERS,
    callsPerSecond: (after.calls - before.calls) / seconds,
    eventsPerSecond: events / seconds,
    commitsPerSecond: commits / seconds,
    eventsPerCommit: events / commits,
    commitMs: ((after.commitSeconds - before.commitSeconds) / commits) * 1_000,
  };
}

async function readLog(
  target: HttpTarget,
): Promise<{ lastSeq: number; calls: number; commits: number; commitSeconds: number }> {
  const { lastSeq } = await newestRun(target);
  const metrics = await (await get(target, '/metrics')).text();
  const read = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return {
    lastSeq,
    calls: toSum(
      [...metrics.matchAll(/^drawbridge_calls_total\{.*\} (\d+)$/gm)].map(([, count]) =>
        Number(count),
      ),
    ),
    commits: read('drawbridge_log_commit_seconds_count'),
    commitSeconds: read('drawbridge_log_commit_seconds_sum'),
  };
}

async function newestRun(target: HttpTarget): Promise<{ id: string; lastSeq: number }> {
  const response = await get(target, '/v1/runs?limit=1&kind=stream');
  const { runs } = (await response.json()) as { runs: { id: string; lastSeq: number }[] };
  const [run] = runs;
  if (run === undefined) throw new Error('The bridge has no run of the calls that were made.');
  return run;
}

async function get({ url, headers }: HttpTarget, path: string): Promise<Response> {
  const response = await fetch(new URL(path, url), { headers });
  if (!response.ok) throw new Error(`GET ${path} was answered with ${response.status}.`);
  return response;
}

function toHttp({ target, contender }: Performing): HttpTarget {
  if (target.wire === 'stdio') throw new Error(`${contender.name} has no HTTP.`);
  return target;
}
