// What the bridge costs, read from outside: memory, processor time and descriptors from /proc, the
// home from its files, and what it tells in /metrics.
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Door } from '../bridge-process.ts';
import { readProcess } from '../../bridge/src/processes/process-facts.ts';
import { isGone, readProc } from '../process-table.ts';

export interface Gauge {
  /** In bytes; what was seen last where the bridge is gone. */
  memory(): Promise<{ readonly now: number | undefined; readonly peak: number }>;
  /** Bytes on the disk more than at the start, at most so far. */
  grown(): Promise<{ readonly grownBytes: number; readonly logBytes: number }>;
  cpuSeconds(): Promise<number>;
  descriptors(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface GaugeOptions {
  readonly pid: number;
  readonly home: string;
  readonly log: string;
}

const SAMPLE_MS = 250;
const DISK_EVERY = 8;
/** USER_HZ, which Linux fixes for /proc. */
const TICKS_PER_SECOND = 100;

export async function startGauge({ pid, home, log }: GaugeOptions): Promise<Gauge> {
  const begun = { home: await toDiskBytes(home), log: (await stat(log)).size };
  let peak = 0;
  let now: number | undefined;
  let ticks = 0;
  let grown = { grownBytes: 0, logBytes: 0 };
  const stop = new AbortController();

  const sampleProcess = async (): Promise<void> => {
    const status = await readProc(`${pid}/status`);
    const toBytes = (field: string): number | undefined => {
      const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status ?? '')?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
    };
    now = toBytes('VmRSS');
    peak = Math.max(peak, toBytes('VmHWM') ?? 0);
    ticks = Math.max(ticks, readProcess(pid)?.cpuTicks ?? 0);
  };
  const sampleDisk = async (): Promise<void> => {
    const logBytes = (await stat(log)).size - begun.log;
    const grownBytes = (await toDiskBytes(home)) - begun.home + logBytes;
    grown = {
      grownBytes: Math.max(grown.grownBytes, grownBytes),
      logBytes: Math.max(grown.logBytes, logBytes),
    };
  };
  await sampleProcess();
  const ticksBefore = ticks;
  const sampling = (async () => {
    for (let count = 1; !stop.signal.aborted; count += 1) {
      await wait(SAMPLE_MS);
      await sampleProcess();
      if (count % DISK_EVERY === 0) await sampleDisk();
    }
  })();

  return {
    async memory() {
      await sampleProcess();
      return { now, peak };
    },
    async grown() {
      await sampleDisk();
      return grown;
    },
    async cpuSeconds() {
      await sampleProcess();
      return (ticks - ticksBefore) / TICKS_PER_SECOND;
    },
    async descriptors() {
      try {
        return (await readdir(`/proc/${pid}/fd`)).length;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    async close() {
      stop.abort();
      await sampling;
    },
  };
}

/** What the files below a folder take, as `du` counts it. Files that go meanwhile take nothing. */
async function toDiskBytes(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += await toDiskBytes(path);
      else bytes += await toBlocks(path);
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return bytes;
}

async function toBlocks(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * 512;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

export interface Scrape {
  readonly bytes: number;
  /** The longest delay of the event loop since the last scrape. */
  readonly loopDelayMs: number | undefined;
}

const SCRAPE_MS = 10_000;

/** Undefined where the bridge does not answer. */
export async function scrape({ url, token }: Door): Promise<Scrape | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(SCRAPE_MS),
    });
    const text = await response.text();
    return { bytes: Buffer.byteLength(text), loopDelayMs: toLoopDelayMs(text) };
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return undefined;
    throw error;
  }
}

/** The greatest of its quantiles. */
export function toLoopDelayMs(metrics: string): number | undefined {
  const seconds = [...metrics.matchAll(/^nodejs_eventloop_lag_seconds(?:\{[^}]*\})? (\S+)$/gm)]
    .map(([, value]) => Number(value))
    .filter((value) => Number.isFinite(value));
  return seconds.length === 0 ? undefined : Math.max(...seconds) * 1_000;
}
