// Whose the data folder is, and who may enter it: copies and archives often lose both.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { DrawbridgeError } from '../../errors.ts';
import type { Account } from './account.ts';

/** PostgreSQL refuses a data folder that others may enter, or that is not its account's own. */
export async function fixRights(
  dataFolder: string,
  { account, logger }: { readonly account: Account | undefined; readonly logger: Logger },
): Promise<void> {
  if (process.platform === 'win32' || !existsSync(dataFolder)) return;
  const { uid, mode } = await stat(dataFolder);
  if (account !== undefined && uid !== account.uid) {
    // A copy made by root belongs to root.
    logger.warn(
      { uid: account.uid },
      `the files in ${dataFolder} are given to PostgreSQL's account`,
    );
    const owner = `${account.uid}:${account.gid}`;
    const { status, stderr } = spawnSync('chown', ['-R', '-h', owner, dataFolder], {
      encoding: 'utf8',
    });
    if (status !== 0) throw toRightsIssue(dataFolder, stderr);
  } else if (account === undefined && uid !== process.getuid?.()) {
    throw toRightsIssue(dataFolder, `it belongs to the user with the id ${uid}`);
  }
  if ((mode & 0o777) === 0o700) return;
  logger.warn(`${dataFolder} is closed to other users again (chmod 700)`);
  await chmod(dataFolder, 0o700);
}

function toRightsIssue(dataFolder: string, why: string): DrawbridgeError {
  return new DrawbridgeError(
    'store/start_failed',
    `${dataFolder} must belong to the user that runs the bridge (${why.trim()}). Give it to that user (chown -R), start the bridge as its owner, or set DRAWBRIDGE_HOME to another folder.`,
  );
}
