// The machine under the figures: without it they say nothing to anyone else.
import { cpus, release, totalmem } from 'node:os';

export function describeMachine(): readonly (readonly [string, string])[] {
  const all = cpus();
  return [
    ['Processor', all[0]?.model ?? 'unknown'],
    ['Cores', String(all.length)],
    ['Memory', `${(totalmem() / 1024 ** 3).toFixed(1)} GB`],
    ['Kernel', release()],
    ['Node.js', process.version],
  ];
}
