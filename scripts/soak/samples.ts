// What the bridge holds at a moment, and how that grows: memory after a collection of garbage, open
// files, processes.
import { readdir } from 'node:fs/promises';
import { descendants, isGone, readProc } from '../process-table.ts';
import type { Stage } from './stage.ts';

export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly life: number;
  readonly answered: number;
  /** In megabytes. */
  readonly heap: number;
  readonly rss: number;
  readonly files: number;
  /** Below the bridge, PostgreSQL's among them. */
  readonly processes: number;
  readonly strays: number;
}

export type Measure = 'heap' | 'rss' | 'files' | 'processes';

const MEGABYTE = 1024 * 1024;

/** Undefined when the bridge went away meanwhile. */
export async function takeSample(
  stage: Stage,
  { at, answered }: Pick<Sample, 'at' | 'answered'>,
): Promise<Sample | undefined> {
  const { life, pid } = stage;
  try {
    await stage.collect();
    const { url, token } = stage.door;
    const response = await fetch(`${url}/metrics`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    const metrics = await response.text();
    const read = (name: string): number =>
      Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
    const files = (await readdir(`/proc/${pid}/fd`)).length;
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec((await readProc(`${pid}/status`)) ?? '')?.[1];
    const processes = descendants(pid).length;
    const strays = (await stage.strays()).length;
    if (stage.life !== life || kilobytes === undefined) return undefined;
    const heap = read('nodejs_heap_size_used_bytes') / MEGABYTE;
    return { at, life, answered, heap, rss: Number(kilobytes) / 1024, files, processes, strays };
  } catch (error) {
    if (isGone(error) || error instanceof TypeError || error instanceof DOMException)
      return undefined; // it was killed, or is not reachable just now
    throw error;
  }
}

/** The first samples of a life still show caches and compiled code that fill. */
const WARM_SECONDS = 30;

/**
 * Growth by hour, by least squares within the lives of the bridge: each has its own level, all have one
 * slope. Undefined when no life is long enough.
 */
export function slopePerHour(samples: readonly Sample[], measure: Measure): number | undefined {
  let products = 0;
  let squares = 0;
  for (const life of groupByLife(samples)) {
    const warm = life.filter(({ at }) => at >= (life[0]?.at ?? 0) + WARM_SECONDS);
    if (warm.length < 3) continue;
    const meanAt = mean(warm.map(({ at }) => at));
    const meanValue = mean(warm.map((sample) => sample[measure]));
    for (const sample of warm) {
      products += (sample.at - meanAt) * (sample[measure] - meanValue);
      squares += (sample.at - meanAt) ** 2;
    }
  }
  return squares === 0 ? undefined : (products / squares) * 3_600;
}

function groupByLife(samples: readonly Sample[]): Sample[][] {
  const lives = new Map<number, Sample[]>();
  for (const sample of samples) {
    const life = lives.get(sample.life);
    if (life === undefined) lives.set(sample.life, [sample]);
    else life.push(sample);
  }
  return [...lives.values()];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
