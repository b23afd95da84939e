// Who lives below a process, and who of them outlived it.
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { isSystemError } from '../bridge/src/errors.ts';
import {
  type ProcessFacts,
  isLiving,
  listPids,
  readProcess,
} from '../bridge/src/processes/process-facts.ts';

/** The living, by pid. */
export function listProcesses(): Map<number, ProcessFacts> {
  const all = new Map<number, ProcessFacts>();
  for (const pid of listPids()) {
    const facts = readProcess(pid);
    if (isLiving(facts)) all.set(pid, facts);
  }
  return all;
}

/** The dead that nobody has reaped. */
export function countZombies(): number {
  return listPids().filter((pid) => readProcess(pid)?.state === 'Z').length;
}

/** The living that work in a folder or below it. */
export async function listIn(folder: string): Promise<number[]> {
  const pids = [...listProcesses().keys()];
  const isInside = await Promise.all(
    pids.map(async (pid) => (await readCwd(pid)).startsWith(folder)),
  );
  return pids.filter((_, index) => isInside[index]);
}

/** Processes below this one. */
export function descendants(pid: number | undefined): number[] {
  const all = listProcesses();
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
    const living = pids.flatMap(describeLiving);
    if (living.length === 0 || performance.now() > deadline) return living;
  }
}

function describeLiving(pid: number): string[] {
  const facts = readProcess(pid);
  return isLiving(facts) ? [`${pid} ${facts.name}`] : [];
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
  return isSystemError(error, 'ENOENT', 'ESRCH', 'EACCES');
}
