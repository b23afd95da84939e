// The levels that Drawbridge sets itself for calls, held against what was found. A level that names
// another gateway means the best of those measured, and none of them keeps a log.
import { type ContenderReading, toTitle } from './calls-part.ts';
import { OURS, rivals } from './contenders/index.ts';
import { findReading, mostMemory, type Results } from './results.ts';
import { toFigure, toMegabytes } from './table.ts';

export interface Level {
  readonly what: string;
  readonly found: string;
  readonly level: string;
  readonly isReached: boolean;
}

const MAX_CPU_MS = 0.15;
const MAX_MEMORY = 110 * 1_048_576;
const MAX_START_MS = 2_000;

/** @returns those that what was measured can be held against */
export function compareLevels({ calls = [], machine }: Results): Level[] {
  const ours = calls.find(({ name }) => name === OURS);
  if (ours === undefined) return [];
  const others = calls.filter(({ name }) => rivals.includes(name));
  return [
    ...compareRate(ours, others),
    ...compareCpu(ours),
    ...compareMedian(ours, others, machine.fdatasyncMs),
    ...compareLarge(ours, others),
    ...compareProcess(ours),
  ];
}

function compareRate(ours: ContenderReading, others: readonly ContenderReading[]): Level[] {
  const cell = { tool: 'small', callers: 32 };
  const own = findReading(ours, cell)?.perSecond;
  const best = Math.max(0, ...others.map((other) => findReading(other, cell)?.perSecond ?? 0));
  if (own === undefined || best === 0) return [];
  return [
    {
      what: '16 B, 32 callers: calls/s against the best other gateway',
      found: `x${toFigure(own / best)}`,
      level: 'x3 (floor x2)',
      isReached: own >= best * 3,
    },
  ];
}

function compareCpu(ours: ContenderReading): Level[] {
  const cpu = findReading(ours, { tool: 'small', callers: 32 })?.cpuMs;
  if (cpu === undefined) return [];
  const found = cpu.gateway + cpu.postgres;
  return [
    {
      what: '16 B, 32 callers: CPU of a call, PostgreSQL included, the server not',
      found: `${toFigure(found)} ms`,
      level: `${MAX_CPU_MS} ms`,
      isReached: found <= MAX_CPU_MS,
    },
  ];
}

function compareMedian(
  ours: ContenderReading,
  others: readonly ContenderReading[],
  fdatasyncMs: number,
): Level[] {
  const cell = { tool: 'small', callers: 1 };
  const own = findReading(ours, cell)?.p50;
  const best = Math.min(...others.map((other) => findReading(other, cell)?.p50 ?? Infinity));
  if (own === undefined || best === Infinity) return [];
  const level = best + fdatasyncMs;
  return [
    {
      what: '16 B, 1 caller: median, against the best other and one fdatasync',
      found: `${toFigure(own)} ms`,
      level: `${toFigure(level)} ms`,
      isReached: own <= level,
    },
  ];
}

function compareLarge(ours: ContenderReading, others: readonly ContenderReading[]): Level[] {
  return [1, 32, 128].flatMap((callers) => {
    const cell = { tool: 'large', callers } as const;
    const own = findReading(ours, cell)?.perSecond;
    const best = Math.max(0, ...others.map((other) => findReading(other, cell)?.perSecond ?? 0));
    if (own === undefined || best === 0) return [];
    return {
      what: `${toTitle(cell)}: calls/s against the best other gateway`,
      found: `x${toFigure(own / best)}`,
      level: 'x1',
      isReached: own >= best,
    };
  });
}

function compareProcess(ours: ContenderReading): Level[] {
  const memory = mostMemory(ours).gateway;
  const levels: Level[] = [
    {
      what: 'memory of the bridge',
      found: `${toMegabytes(memory)} MB`,
      level: `${toMegabytes(MAX_MEMORY)} MB`,
      isReached: memory <= MAX_MEMORY,
    },
  ];
  if (ours.startMs === undefined) return levels;
  return [
    ...levels,
    {
      what: 'start to the first answered call',
      found: `${toFigure(ours.startMs)} ms`,
      level: `${MAX_START_MS} ms`,
      isReached: ours.startMs <= MAX_START_MS,
    },
  ];
}
