// What an attack may cost, and what it did cost.
import type { Latencies } from './latencies.ts';

export const levels = {
  quietP99Ms: 250,
  memoryBytes: 500e6,
  diskBytes: 100e6,
} as const;

export interface Figures {
  readonly name: string;
  readonly seconds: number;
  /** The quiet caller's, with nobody else there. */
  readonly aloneP50: number;
  readonly quiet: Latencies;
  /** The bridge's process alone, PostgreSQL and servers apart. */
  readonly memory: {
    readonly beforeBytes: number;
    readonly peakBytes: number;
    /** Some seconds after the end. */
    readonly afterBytes: number | undefined;
  };
  /** The home and the bridge's own log, at most. */
  readonly disk: { readonly grownBytes: number; readonly logBytes: number };
  readonly cpuSeconds: number;
  /** The longest delay of the event loop, as the bridge itself tells; undefined where it does not. */
  readonly loopDelayMs: number | undefined;
  readonly scrapeBytes: number | undefined;
  readonly descriptors: { readonly before: number; readonly after: number | undefined };
  /** What the attacker was answered, and what a hostile server counted. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why the bridge does not live, or did not end or start well, in words. */
  readonly issues: readonly string[];
}

/** The levels that were missed, in words. */
export function toMissed({ quiet, memory, disk, counts, issues }: Figures): string[] {
  const missed: string[] = [];
  if (!(quiet.p99 < levels.quietP99Ms))
    missed.push(
      `the quiet caller's p99 was ${toMs(quiet.p99)}; the level is ${levels.quietP99Ms} ms`,
    );
  if (quiet.failures > 0)
    missed.push(`${quiet.failures} of the quiet caller's ${quiet.calls} calls failed`);
  if (quiet.calls === 0) missed.push('the quiet caller made no call');
  if (!(memory.peakBytes < levels.memoryBytes))
    missed.push(
      `the bridge's memory reached ${toMb(memory.peakBytes)}; the level is ${toMb(levels.memoryBytes)}`,
    );
  if (!(disk.grownBytes < levels.diskBytes)) {
    const answered = counts['200'] ?? 0;
    const each = (disk.grownBytes / answered / 1e3).toFixed(1);
    // The log keeps every answered call: it tells whose growth this is, and does not excuse it.
    const share = answered === 0 ? '' : `, ${each} kB for each of ${answered} answered requests`;
    missed.push(
      `home and log grew by ${toMb(disk.grownBytes)}${share}; the level is ${toMb(levels.diskBytes)}`,
    );
  }
  return [...missed, ...issues];
}

export function toMb(bytes: number | undefined): string {
  return bytes === undefined ? '-' : `${(bytes / 1e6).toFixed(0)} MB`;
}

export function toMs(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '-';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`;
}
