// Who lives below a process, and who of them outlived it, from /proc. A zombie is dead: in a container
// without a reaping init nobody collects it.
import { readFile, readdir, readlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

export interface ProcessStat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
}

/** The living, by pid. */
export async function listProcesses(): Promise<Map<number, ProcessStat>> {
  const all = new Map<number, ProcessStat>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readStat(Number(name));
    if (stat !== undefined && stat.state !== 'Z') all.set(Number(name), stat);
  }
  return all;
}

export async function isLiving(pid: number): Promise<boolean> {
  return (await describeLiving(pid)) !== undefined;
}

/** The dead that nobody has reaped. */
export async function countZombies(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(readStat));
  return stats.filter((stat) => stat?.state === 'Z').length;
}

/** The living that work in a folder or below it. */
export async function listIn(folder: string): Promise<number[]> {
  const pids = [...(await listProcesses()).keys()];
  const isInside = await Promise.all(
    pids.map(async (pid) => (await readCwd(pid)).startsWith(folder)),
  );
  return pids.filter((_, index) => isInside[index]);
}

/** Processes below this one. */
export async function descendants(pid: number | undefined): Promise<number[]> {
  const all = await listProcesses();
  const below = new Set([pid]);
  for (let grew = true; grew;) {
    grew = false;
    for (const [child, { parent }] of all) {
      if (below.has(parent) && !below.has(child)) {
        below.add(child);
        grew = true;
      }
    }
  }
  return [...below].filter((id): id is number => id !== undefined && id !== pid);
}

/** A process that is gone needs none. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Those of the processes that still live after 3 seconds. */
export async function survivors(pids: readonly number[]): Promise<string[]> {
  for (const deadline = performance.now() + 3_000; ; await wait(50)) {
    const living = (await Promise.all(pids.map(describeLiving))).filter(
      (found) => found !== undefined,
    );
    if (living.length === 0 || performance.now() > deadline) return living;
  }
}

async function describeLiving(pid: number): Promise<string | undefined> {
  const stat = await readStat(pid);
  return stat === undefined || stat.state === 'Z' ? undefined : `${pid} ${stat.name}`;
}

async function readStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readProc(`${pid}/stat`);
  const [, name = '', state = '', parent = ''] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(text ?? '') ?? [];
  return text === undefined ? undefined : { name, state, parent: Number(parent) };
}

async function readCwd(pid: number): Promise<string> {
  try {
    return await readlink(`/proc/${pid}/cwd`);
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

/** A file of /proc; undefined when its process is gone. */
export async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOENT' || error.code === 'ESRCH' || error.code === 'EACCES')
  );
}
