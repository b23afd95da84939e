// What a process and all below it cost, read from /proc: processor time and resident memory, told
// apart by what each process is there for.
import { readFileSync, readdirSync } from 'node:fs';

/** `server` is the measured stdio or HTTP server, `postgres` the store, `gateway` all else. */
export type Role = 'gateway' | 'server' | 'postgres';

export interface Cost {
  /** User and system time so far, with that of children that have ended, in milliseconds. */
  readonly cpuMs: number;
  /** In bytes; for PostgreSQL each process's share of what they have in common. */
  readonly memory: number;
}

export type TreeCost = Readonly<Record<Role, Cost>>;

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
const SERVER = /\/bench\/src\/server\/\w+-server\.mjs$/;

interface ProcessStat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly cpuMs: number;
}

/** @param root the process that was started; nothing where there is none */
export function readTree(root: number): TreeCost {
  const costs = { gateway: { ...nothing }, server: { ...nothing }, postgres: { ...nothing } };
  for (const [pid, { name, cpuMs }] of listTree(root)) {
    const cost = costs[toRole(pid, name)];
    cost.cpuMs += cpuMs;
    cost.memory += name === 'postgres' ? readShare(pid) : readResident(pid);
  }
  return costs;
}

const nothing = { cpuMs: 0, memory: 0 };

/** The living processes of the tree, the root first. */
export function listTree(root: number): Map<number, ProcessStat> {
  const all = new Map<number, ProcessStat>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : undefined;
    if (stat !== undefined && stat.state !== 'Z') all.set(Number(entry), stat);
  }
  const tree = new Map<number, ProcessStat>();
  const add = (pid: number, stat: ProcessStat): void => {
    tree.set(pid, stat);
    for (const [child, of] of all) if (of.parent === pid) add(child, of);
  };
  const stat = all.get(root);
  if (stat !== undefined) add(root, stat);
  return tree;
}

function toRole(pid: number, name: string): Role {
  if (name === 'postgres') return 'postgres';
  const [, script = ''] = read(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  return SERVER.test(script) ? 'server' : 'gateway';
}

function readStat(pid: number): ProcessStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const nameEnd = text.lastIndexOf(')');
  const [state = '', parent = '', ...rest] = text.slice(nameEnd + 2).split(' ');
  // Fields 14 to 17 of proc_pid_stat(5): utime, stime, cutime, cstime.
  const ticks = rest.slice(9, 13).reduce((sum, field) => sum + Number(field), 0);
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state,
    parent: Number(parent),
    cpuMs: ticks * TICK_MS,
  };
}

function readResident(pid: number): number {
  return toBytes(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? ''));
}

function readShare(pid: number): number {
  return toBytes(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? ''));
}

function toBytes(found: RegExpExecArray | null): number {
  return Number(found?.[1] ?? 0) * 1_024;
}

/** @returns nothing for a process that has ended meanwhile, or that another user owns */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
