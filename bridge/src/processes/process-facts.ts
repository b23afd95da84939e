// What the system tells about processes and folders: the one place that says whether a process lives.
// A zombie is dead: where the first process of a container reaps nobody, the dead of a kill stay in the
// process table for ever. Elsewhere than on Linux most answers are "unknown".
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { isSystemError } from '../errors.ts';

export interface ProcessFacts {
  /** The name of its program, 15 characters at most. */
  readonly name: string;
  /** `Z` and `X` are dead: waiting to be reaped. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks that it ran, in user and system mode. */
  readonly cpuTicks: number;
  /** Clock ticks since boot: with the pid it names one process for good. */
  readonly startTime: number;
}

/** Undefined when there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessFacts | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
  // proc(5): the name in field 2 may hold spaces and parentheses, so count from the last one.
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  return {
    name: stat.slice(stat.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    startTime: Number(fields[19]),
  };
}

export function isLiving(facts: ProcessFacts | undefined): facts is ProcessFacts {
  return facts !== undefined && facts.state !== 'Z' && facts.state !== 'X';
}

/** The numbers of all processes, zombies too; none without /proc. */
export function listPids(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Living members of a process group; undefined where the system doesn't tell. */
export function readGroup(group: number): ProcessFacts[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return listPids()
    .map(readProcess)
    .filter(isLiving)
    .filter((facts) => facts.group === group);
}

/** Whether a process with this number lives; zombies don't. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if (!isSystemError(error, 'EPERM')) return false;
  }
  const facts = readProcess(pid);
  // Without /proc, and for what it hides from this user, the signal's word counts.
  return facts === undefined || isLiving(facts);
}

/** The children of a process; none where the system doesn't tell. */
export function readChildren(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM')) return [];
    throw error;
  }
}

/** Tells this boot and this container from every other, because pids mean nothing outside of them. */
export function readPidSpace(): string {
  try {
    return `${readBootId()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return process.platform;
    throw error;
  }
}

/** Empty where the system doesn't tell. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return '';
    throw error;
  }
}

/**
 * Tells a folder from every copy of it, and stays when it is renamed: its device and inode. Undefined
 * when there is none, or it may not be looked at.
 */
export function readFolderMark(path: string): string | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && `${found.dev}:${found.ino}`;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
