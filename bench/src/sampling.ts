// One measured stretch of load: what the load generator saw, and what the contender's processes cost
// meanwhile. Several stretches of the same load make one reading.
import type { Driven } from './load/drive.ts';
import { readTree, type Role, type TreeCost } from './process-tree.ts';
import { type Percentiles, toMedian, toPercentiles, toPool, toSum } from './statistics.ts';

export interface Sample extends Driven {
  readonly before: TreeCost;
  readonly after: TreeCost;
}

export interface Reading extends Percentiles {
  readonly count: number;
  /** The median of the rounds, and the range of them. */
  readonly perSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  /** In milliseconds for each call or request. */
  readonly cpuMs: Readonly<Record<Role | 'total' | 'load', number>>;
  /** In bytes, the most of all rounds. */
  readonly memory: Readonly<Record<Role, number>>;
}

/** @param drive starts the load and says when the measured time begins and ends */
export async function takeSample(
  pid: number,
  drive: (onEdge: (edge: 'begin' | 'end') => void) => Promise<Driven>,
): Promise<Sample> {
  let before = readTree(pid);
  let after = before;
  const driven = await drive((edge) => {
    if (edge === 'begin') before = readTree(pid);
    else after = readTree(pid);
  });
  if (driven.latencies.length === 0) throw new Error('Nothing was answered in the measured time.');
  return { ...driven, before, after };
}

export function toReading(samples: readonly Sample[]): Reading {
  const pool = toPool(samples.map(({ latencies }) => latencies));
  const rates = samples.map(({ latencies, seconds }) => latencies.length / seconds);
  const perCall = (ms: readonly number[]): number => toSum(ms) / pool.length;
  const cpu = (role: Role): number =>
    perCall(samples.map(({ before, after }) => after[role].cpuMs - before[role].cpuMs));
  const most = (role: Role): number => Math.max(...samples.map(({ after }) => after[role].memory));
  const [gateway, server, postgres] = [cpu('gateway'), cpu('server'), cpu('postgres')];
  return {
    count: pool.length,
    perSecond: toMedian(rates),
    slowest: Math.min(...rates),
    fastest: Math.max(...rates),
    ...toPercentiles(pool),
    cpuMs: {
      gateway,
      server,
      postgres,
      total: gateway + server + postgres,
      load: perCall(samples.map(({ loadCpuMs }) => loadCpuMs)),
    },
    memory: { gateway: most('gateway'), server: most('server'), postgres: most('postgres') },
  };
}
