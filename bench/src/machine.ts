// The machine under the figures: without it they say nothing to anyone else.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { toMedian } from './statistics.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: number;
  readonly kernel: string;
  readonly node: string;
  /** Over the last minute, when the bench began. */
  readonly load: number;
  /** Median time to write 4 KB and have them on the disk of the folder used, in milliseconds. */
  readonly fdatasyncMs: number;
}

/** From here on others take part of what is measured. */
export const BUSY_LOAD = 0.5;
const SYNCS = 200;
const BLOCK_BYTES = 4_096;

export function describeMachine(folder: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memory: totalmem(),
    kernel: release(),
    node: process.version,
    load: loadavg()[0] ?? 0,
    fdatasyncMs: measureFdatasync(folder),
  };
}

/** Over the same bytes again and again, as a log's segment is that was made before it is written. */
function measureFdatasync(folder: string): number {
  const path = join(folder, 'fdatasync');
  const file = openSync(path, 'w');
  try {
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    writeSync(file, block, 0, BLOCK_BYTES, 0);
    fdatasyncSync(file);
    const times = Array.from({ length: SYNCS }, (_, index) => {
      block[0] = index;
      const begin = performance.now();
      writeSync(file, block, 0, BLOCK_BYTES, 0);
      fdatasyncSync(file);
      return performance.now() - begin;
    });
    return toMedian(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
