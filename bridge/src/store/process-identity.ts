// Tells a process from a later one with the same number, and a living one from a zombie: after kill -9
// in a container without a reaping init, the dead stay in the process table.
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { isSystemError } from '../errors.ts';

/** Whether a process with this number lives; zombies don't. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!isSystemError(error, 'EPERM')) return false;
  }
  return process.platform !== 'linux' || !['Z', 'X', ''].includes(readStat(pid).state);
}

/** Changes whenever the number is given to another process; empty where the system doesn't tell. */
export function readStartMark(pid: number): string {
  if (process.platform === 'linux') {
    const boot = readText('/proc/sys/kernel/random/boot_id').trim();
    return `${boot}/${readStat(pid).startedAt}`;
  }
  if (process.platform === 'win32') return '';
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
}

/** Whether the process is a PostgreSQL server of this data folder. */
export function isPostgresOf(pid: number, dataFolder: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') return readLink(`/proc/${pid}/cwd`) === dataFolder;
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return typeof stdout === 'string' && stdout.includes(dataFolder);
}

/** The children of a process; none where the system doesn't tell. */
export function readChildren(pid: number): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** proc_pid_stat(5): the name in parentheses may hold spaces, so fields count from the last one. */
function readStat(pid: number): { state: string; startedAt: string } {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startedAt: fields[19] ?? '' };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // The process went away while we looked; gone is an answer here.
    if (isSystemError(error, 'ENOENT') || isSystemError(error, 'ESRCH')) return '';
    throw error;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
