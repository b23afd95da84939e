// Reads what Linux says about processes. Elsewhere everything here answers "unknown", and callers
// fall back to signals.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface ProcessFacts {
  /** `Z` and `X` are dead: waiting to be reaped. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot: with the pid it names one process for good. */
  readonly startTime: number;
}

/** Undefined when there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessFacts | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): the name in field 2 may hold spaces and parentheses, so count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
  };
}

export function isLiving(facts: ProcessFacts | undefined): facts is ProcessFacts {
  return facts !== undefined && facts.state !== 'Z' && facts.state !== 'X';
}

/** Living members of a process group; undefined where /proc can't tell. */
export function readGroup(group: number): ProcessFacts[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter(isLiving)
    .filter((facts) => facts.group === group);
}

/** Tells this boot and this container from every other, because pids mean nothing outside of them. */
export function readPidSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return process.platform;
  }
}
