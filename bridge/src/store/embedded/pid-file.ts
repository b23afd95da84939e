// `postmaster.pid`, where PostgreSQL itself tells its pid, socket folder, port and state (manual, "Database
// Physical Storage").
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../errors.ts';

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  /** As PostgreSQL was told: it may count from the data folder. Empty where it has none. */
  readonly socketFolder: string;
  readonly listenAddress: string;
  readonly state: string;
}

/** Undefined when there is none, or what there is was cut off. */
export async function readPidFile(dataFolder: string): Promise<PidFile | undefined> {
  try {
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return {
      pid,
      port: Number(lines[3]),
      socketFolder: lines[4]?.trim() ?? '',
      listenAddress: lines[5]?.trim() ?? '',
      state: lines[7]?.trim() ?? '',
    };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
