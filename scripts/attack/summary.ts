// The one table at the end, and in words what was missed.
import { toTable } from '../../bench/src/table.ts';
import { type Figures, toMb, toMissed, toMs } from './levels.ts';

export function toSummary(all: readonly Figures[]): string {
  const rows = all.map((figures) => {
    const { name, aloneP50, quiet, memory, disk, cpuSeconds, loopDelayMs, scrapeBytes } = figures;
    return [
      name,
      toMs(aloneP50),
      toMs(quiet.p50),
      toMs(quiet.p99),
      toMs(quiet.max),
      toMb(memory.peakBytes),
      toMb(memory.afterBytes),
      toMb(disk.grownBytes),
      `${cpuSeconds.toFixed(0)} s`,
      toMs(loopDelayMs),
      scrapeBytes === undefined ? '-' : `${(scrapeBytes / 1e3).toFixed(0)} kB`,
      toMissed(figures).length === 0 ? 'held' : 'MISSED',
    ];
  });
  const head = [
    'attack',
    'alone',
    'p50',
    'p99',
    'max',
    'memory',
    'after',
    'disk',
    'CPU',
    'loop',
    'scrape',
    'verdict',
  ];
  return [toTable(head, rows), ...toWords(all)].join('\n');
}

function toWords(all: readonly Figures[]): string[] {
  const missed = all.flatMap((figures) =>
    toMissed(figures).map((why) => `- ${figures.name}: ${why}`),
  );
  return missed.length === 0
    ? ['', `All levels were held in ${all.length} attacks.`]
    : ['', 'Missed:', ...missed];
}

/** The most frequent first. */
export function toCountText(counts: Figures['counts']): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([what, times]) => `${what}: ${times}`)
    .join(', ');
}
