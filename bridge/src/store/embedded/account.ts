// Under whom PostgreSQL runs. It refuses root, so as root it runs as the owner of the data it finds,
// else as `postgres` or `nobody`.
import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DrawbridgeError, isSystemError } from '../../errors.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined means ourselves. */
export async function findAccount(dataFolder: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await readOwner(dataFolder);
  if (owner !== undefined && owner.uid !== 0) return owner;
  for (const name of ['postgres', 'nobody']) {
    const uid = readId('-u', name);
    const gid = readId('-g', name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new DrawbridgeError(
    'store/start_failed',
    'PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody`. Start Drawbridge as an ordinary user, or set DATABASE_URL.',
  );
}

/** Whether the account can open a file or folder by its path. */
export async function canReach(path: string, { uid, gid }: Account): Promise<boolean> {
  const { mode, uid: owner, gid: group } = await stat(path);
  const execute = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
  if ((mode & execute) === 0) return false;
  const parent = dirname(path);
  return parent === path || canReach(parent, { uid, gid });
}

async function readOwner(folder: string): Promise<Account | undefined> {
  try {
    const { uid, gid } = await stat(folder);
    return { uid, gid };
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function readId(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}
