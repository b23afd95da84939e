// Part one: the same tools/call through each contender, in rounds that go through all of them before
// the next begins, so that a busy minute of the machine is everybody's.
import type { Contender } from './contenders/contender.ts';
import type { LoadProcess } from './load/load-process.ts';
import type { Times } from './load/commands.ts';
import type { Tool } from './load/connection.ts';
import { type Reading, type Sample, takeSample, toReading } from './sampling.ts';
import type { Performing, Stage } from './stage.ts';
import { toMedian } from './statistics.ts';

export interface Cell {
  readonly tool: Tool;
  readonly callers: number;
}

export interface CellReading extends Cell {
  readonly reading: Reading;
}

export interface ContenderReading {
  readonly name: string;
  readonly about: string;
  /** Why it could not be measured, or not to the end. */
  readonly failure?: string;
  /** The very first start, in milliseconds. */
  readonly firstStartMs?: number;
  /** The median of the starts after it. */
  readonly startMs?: number;
  readonly cells: readonly CellReading[];
}

export interface CallsOptions extends Times {
  readonly contenders: readonly Contender[];
  readonly cells: readonly Cell[];
  readonly rounds: number;
  /** Starts after the first. */
  readonly starts: number;
  readonly say: (line: string) => void;
}

/** A contender in the course of the measurement. */
interface Entry {
  readonly contender: Contender;
  readonly startMs: number[];
  readonly samples: Map<Cell, Sample[]>;
  performing?: Performing;
  failure?: string;
}

export async function measureCalls(
  { stage, load }: { readonly stage: Stage; readonly load: LoadProcess },
  { contenders, cells, rounds, starts, say, ...times }: CallsOptions,
): Promise<ContenderReading[]> {
  const entries = contenders.map((contender): Entry => ({
    contender,
    startMs: [],
    samples: new Map(),
  }));
  const attempt = async (entry: Entry, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      entry.failure = error instanceof Error ? error.message : String(error);
      say(`${entry.contender.name}: ${entry.failure}`);
    }
  };

  for (const entry of entries) {
    say(`starting ${entry.contender.name}`);
    await attempt(entry, async () => {
      for (let start = 0; start <= starts; start += 1) {
        await entry.performing?.stop();
        entry.performing = await stage.start(entry.contender);
        entry.startMs.push(entry.performing.startMs);
      }
    });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const cell of cells) {
      say(`round ${round + 1} of ${rounds}: ${toTitle(cell)}`);
      // Another goes first in each round.
      for (const entry of [
        ...entries.slice(round % entries.length),
        ...entries.slice(0, round % entries.length),
      ]) {
        const { performing, samples, failure } = entry;
        if (performing === undefined || failure !== undefined) continue;
        await attempt(entry, async () => {
          const asked = { ...cell, ...times, name: entry.contender.name };
          const sample = await takeSample(performing.pid, (onEdge) =>
            load.ask('call', asked, onEdge),
          );
          samples.set(cell, [...(samples.get(cell) ?? []), sample]);
        });
      }
    }
  }
  for (const { performing } of entries) await performing?.stop();
  return entries.map(toContenderReading);
}

export function toTitle({ tool, callers }: Cell): string {
  return `${tool === 'small' ? '16 B' : '64 KB'}, ${callers} ${callers === 1 ? 'caller' : 'callers'}`;
}

function toContenderReading({ contender, startMs, samples, failure }: Entry): ContenderReading {
  const [firstStartMs, ...later] = startMs;
  return {
    name: contender.name,
    about: contender.about,
    ...(failure !== undefined && { failure }),
    ...(firstStartMs !== undefined && { firstStartMs }),
    ...(later.length > 0 && { startMs: toMedian(later) }),
    cells: [...samples].map(([cell, taken]) => ({ ...cell, reading: toReading(taken) })),
  };
}
