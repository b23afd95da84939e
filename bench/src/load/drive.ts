// The closed loop: each caller asks again as soon as it has its answer, for a while that is not
// measured and then for one that is.
import { setTimeout as wait } from 'node:timers/promises';

export interface DriveOptions {
  readonly callers: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Rejects where the answer is not the right one; the first rejection ends the drive. */
  readonly ask: (slot: number) => Promise<void>;
  /** At the two ends of the measured time, for whoever reads clocks of other processes. */
  readonly onEdge: (edge: 'begin' | 'end') => void;
}

export interface Driven {
  /** One for each answer that came in the measured time, in milliseconds, in no order. */
  readonly latencies: Float64Array;
  readonly seconds: number;
  /** Processor time of the load generator itself. */
  readonly loadCpuMs: number;
}

/** For answers that were asked for in the measured time. */
const TIMEOUT_MS = 20_000;

/** @throws Error where a call fails, or never ends */
export async function drive({
  callers,
  warmupMs,
  measureMs,
  ask,
  onEdge,
}: DriveOptions): Promise<Driven> {
  const latencies: number[] = [];
  let state: 'warming' | 'measuring' | 'over' = 'warming';
  const loop = async (slot: number): Promise<void> => {
    while (state !== 'over') {
      const asked = performance.now();
      await ask(slot);
      if (state === 'measuring') latencies.push(performance.now() - asked);
    }
  };
  let cpu = process.cpuUsage();
  let begin = 0;
  let seconds = 0;
  const clock = (async (): Promise<void> => {
    await after(warmupMs, () => state === 'over');
    state = 'measuring';
    onEdge('begin');
    begin = performance.now();
    cpu = process.cpuUsage();
    await after(measureMs, () => state === 'over');
    seconds = (performance.now() - begin) / 1_000;
    cpu = process.cpuUsage(cpu);
    state = 'over';
    onEdge('end');
  })();
  const loops = Array.from({ length: callers }, (_, slot) => loop(slot));
  const late = new AbortController();
  try {
    await Promise.race([
      Promise.all([clock, ...loops]),
      wait(warmupMs + measureMs + TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
        throw new Error(`Callers still had no answer ${TIMEOUT_MS / 1_000} s after the end.`);
      }),
    ]);
  } finally {
    state = 'over';
    late.abort();
  }
  return {
    latencies: Float64Array.from(latencies),
    seconds,
    loadCpuMs: (cpu.user + cpu.system) / 1_000,
  };
}

/** Waits in short steps, so that a drive that has failed ends soon. */
async function after(ms: number, isOver: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  for (let left = ms; left > 0 && !isOver(); left = end - performance.now()) {
    await wait(Math.min(left, 100));
  }
}
