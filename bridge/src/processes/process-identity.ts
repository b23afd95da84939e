// Tells a process from a later one with the same number, and the PostgreSQL of one data folder from
// that of every other, also of a copy of the folder.
import { spawnSync } from 'node:child_process';
import { listPids, readBootId, readFolderMark, readProcess } from './process-facts.ts';

/** Changes whenever the number is given to another process; empty where the system doesn't tell. */
export function readStartMark(pid: number): string {
  if (process.platform === 'linux') return `${readBootId()}/${readProcess(pid)?.startTime ?? ''}`;
  if (process.platform === 'win32') return '';
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
}

/**
 * The living processes of PostgreSQL that work in this data folder, as far as this process sees them: the
 * server, its children (on Linux), and what makes the folder. Empty on Windows.
 */
export function listPostgresOf(dataFolder: string): readonly number[] {
  if (process.platform !== 'linux') return listCommands(dataFolder);
  const mark = readFolderMark(dataFolder);
  if (mark === undefined) return [];
  return listPids().filter((pid) => isPostgresIn(pid, mark));
}

/** PostgreSQL works in its data folder, by whatever path; a zombie works nowhere. */
function isPostgresIn(pid: number, mark: string): boolean {
  if (readFolderMark(`/proc/${pid}/cwd`) !== mark) return false;
  const { name } = readProcess(pid) ?? {};
  return name === 'postgres' || name === 'initdb';
}

/** Those that were started for this very folder. */
function listCommands(dataFolder: string): readonly number[] {
  if (process.platform === 'win32') return [];
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line.includes(` -D ${dataFolder} `))
    .map((line) => Number.parseInt(line, 10));
}
