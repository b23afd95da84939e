// The results for a reader at a terminal: absolute figures, and beside them how ours relate to each.
import { type ContenderReading, toTitle } from './calls-part.ts';
import { OURS } from './contenders/index.ts';
import type { FacadeReading } from './facade-part.ts';
import { compareLevels } from './levels.ts';
import { BUSY_LOAD, type Machine } from './machine.ts';
import { findReading, mostMemory, type Results } from './results.ts';
import { toFigure, toMegabytes, toRatio, toTable } from './table.ts';

export function toReport(results: Results): string {
  const { machine, calls, facade, rounds, measureMs } = results;
  return [
    describe(machine),
    ...(calls === undefined
      ? []
      : [
          `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${measureMs / 1_000} s\n`,
          ...toCalls(calls),
        ]),
    ...(facade === undefined ? [] : toFacade(facade)),
    ...(calls === undefined ? [] : [toLevels(results)]),
  ].join('\n');
}

export function describe(machine: Machine): string {
  const { cpu, cores, memory, kernel, node, load, fdatasyncMs } = machine;
  const lines = [
    `${cpu}, ${cores} cores, ${toMegabytes(memory)} MB, Linux ${kernel}, Node ${node}`,
    `write and fdatasync of 4 KB: ${toFigure(fdatasyncMs)} ms (p50); load average at the start: ${load.toFixed(2)}`,
  ];
  if (load > BUSY_LOAD) {
    lines.push(
      `WARNING: the machine is busy (load over ${BUSY_LOAD}); absolute figures are too bad, and ratios uncertain.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function toCalls(contenders: readonly ContenderReading[]): string[] {
  const ours = contenders.find(({ name }) => name === OURS);
  const cells = contenders.reduce<ContenderReading['cells']>(
    (longest, { cells }) => (cells.length > longest.length ? cells : longest),
    [],
  );
  return [
    ...contenders.map(({ name, about }) => `${name.padEnd(16)}${about}`),
    '',
    ...contenders.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`${name} was not measured to the end: ${failure}\n`],
    ),
    ...cells.map(
      (cell) =>
        `tools/call, ${toTitle(cell)}\n${toTable(
          [
            '',
            'calls/s',
            '(range)',
            'p50 ms',
            'p95',
            'p99',
            'CPU ms/call',
            'gateway',
            'server',
            'postgres',
            'load',
            '| ours: calls/s',
            'p50',
            'p99',
            'CPU',
          ],
          contenders.map((contender) => toCallRow(contender, ours, cell)),
        )}\n`,
    ),
    `Start and memory\n${toTable(
      [
        '',
        'start ms',
        'first ms',
        'gateway MB',
        'server MB',
        'postgres MB',
        '| ours: start',
        'gateway MB',
      ],
      contenders.map((contender) => toProcessRow(contender, ours)),
    )}\n`,
  ];
}

type Cell = Parameters<typeof toTitle>[0];

function toCallRow(
  contender: ContenderReading,
  ours: ContenderReading | undefined,
  cell: Cell,
): string[] {
  const reading = findReading(contender, cell);
  if (reading === undefined) return [contender.name, 'not measured'];
  const own = findReading(ours, cell);
  const { perSecond, slowest, fastest, p50, p95, p99, cpuMs } = reading;
  return [
    contender.name,
    toFigure(perSecond),
    `${toFigure(slowest)}-${toFigure(fastest)}`,
    ...[p50, p95, p99].map(toFigure),
    ...[cpuMs.total, cpuMs.gateway, cpuMs.server, cpuMs.postgres, cpuMs.load].map(toFigure),
    ...(contender === ours
      ? ['|', '', '', '']
      : [
          `| ${toRatio(own?.perSecond, perSecond)}`,
          toRatio(own?.p50, p50),
          toRatio(own?.p99, p99),
          toRatio(own?.cpuMs.total, cpuMs.total),
        ]),
  ];
}

function toProcessRow(contender: ContenderReading, ours: ContenderReading | undefined): string[] {
  const { name, startMs, firstStartMs } = contender;
  const memory = mostMemory(contender);
  return [
    name,
    toFigure(startMs),
    toFigure(firstStartMs),
    ...[memory.gateway, memory.server, memory.postgres].map(toMegabytes),
    ...(contender === ours
      ? ['|', '']
      : [
          `| ${toRatio(ours?.startMs, startMs)}`,
          ours === undefined ? '-' : toRatio(mostMemory(ours).gateway, memory.gateway),
        ]),
  ];
}

function toFacade({ reads, streams, appends }: FacadeReading): string[] {
  return [
    `The facade: reads\n${toTable(
      [
        '',
        'at once',
        'requests/s',
        'p50 ms',
        'p95',
        'p99',
        'CPU ms each',
        'gateway',
        'postgres',
        'load',
      ],
      reads.map(({ path, callers, reading: { perSecond, p50, p95, p99, cpuMs } }) => [
        `GET ${path}`,
        String(callers),
        ...[perSecond, p50, p95, p99].map(toFigure),
        ...[cpuMs.total, cpuMs.gateway, cpuMs.postgres, cpuMs.load].map(toFigure),
      ]),
    )}\n`,
    `Live stream: from a call's answer to the event at its readers\n${toTable(
      ['', 'deliveries', 'missing', 'p50 ms', 'p95', 'p99'],
      streams.map(({ readers, deliveries, missing, p50, p95, p99 }) => [
        `${readers} ${readers === 1 ? 'reader' : 'readers'}`,
        String(deliveries),
        String(missing),
        ...[p50, p95, p99].map(toFigure),
      ]),
    )}\n`,
    `The log: appends through calls\n${toTable(
      ['', 'callers', 'calls/s', 'events/s', 'commits/s', 'events/commit', 'commit ms'],
      appends.map((append) => [
        append.name,
        String(append.callers),
        ...[
          append.callsPerSecond,
          append.eventsPerSecond,
          append.commitsPerSecond,
          append.eventsPerCommit,
          append.commitMs,
        ].map(toFigure),
      ]),
    )}\n`,
  ];
}

function toLevels(results: Results): string {
  const levels = compareLevels(results);
  if (levels.length === 0) return '';
  return `Levels to reach\n${toTable(
    ['', 'found', 'level', ''],
    levels.map(({ what, found, level, isReached }) => [
      what,
      found,
      level,
      isReached ? 'reached' : 'NOT REACHED',
    ]),
  )}\n`;
}
