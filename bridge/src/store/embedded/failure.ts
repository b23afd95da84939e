// What PostgreSQL prints when it can't start, turned into what a person can do about it.
import { DrawbridgeError } from '../../errors.ts';

const DATABASE_HINT = 'or set DATABASE_URL to a PostgreSQL 15 or newer';

/** `printed` is what the program wrote; `folder` is where the data lies. */
export function explainFailure(printed: string, folder: string): string {
  return explainKnown(printed, folder) ?? `PostgreSQL said: ${lastLine(printed)}`;
}

function explainKnown(printed: string, folder: string): string | undefined {
  if (/could not create shared memory segment/i.test(printed)) {
    return `The system has no segment of shared memory left (${lastLine(printed)}): remove those that no process is attached to (\`ipcs -m\`, \`ipcrm\`), or raise kernel.shmmni.`;
  }
  if (/No space left on device/i.test(printed)) {
    return `The disk that holds ${folder} is full: free some space.`;
  }
  if (/Disk quota exceeded/i.test(printed)) {
    return `The quota of the disk that holds ${folder} is used up: free some space.`;
  }
  if (/database files are incompatible|not compatible with this version/i.test(printed)) {
    return `${folder} was made by another version of PostgreSQL. Start the Drawbridge that made it, ${DATABASE_HINT}.`;
  }
  if (/(user does not exist|could not look up effective user)/i.test(printed)) {
    return `This process's user id has no name on this system, which PostgreSQL needs: add it to /etc/passwd, ${DATABASE_HINT}.`;
  }
  if (/could not locate a valid checkpoint|invalid .*checkpoint|PANIC:/i.test(printed)) {
    return `The data in ${folder} is damaged (${lastLine(printed)}), as by a copy that was made while a bridge worked on it, or by a disk that lost writes. Restore a backup into a home of its own with \`drawbridge restore\`, ${DATABASE_HINT}.`;
  }
  if (/has wrong ownership/i.test(printed)) {
    return `${folder} must belong to the user that runs the bridge: give it to that user (chown -R), or start the bridge as its owner.`;
  }
  if (/Read-only file system|Permission denied/i.test(printed)) {
    return `${folder} cannot be written (${lastLine(printed)}). Set DRAWBRIDGE_HOME to a folder that can, ${DATABASE_HINT}.`;
  }
  if (/error while loading shared libraries|Library not loaded/i.test(printed)) {
    return `The PostgreSQL that ships with Drawbridge does not run on this system (${lastLine(printed)}): set DATABASE_URL to a PostgreSQL 15 or newer.`;
  }
  return undefined;
}

/** What the system refused on the way to a start; any other error is passed on as it is. */
export function toStartFailure(error: unknown, folder: string): unknown {
  const isOfSystem = error instanceof Error && 'syscall' in error;
  if (!isOfSystem || error instanceof DrawbridgeError) return error;
  return new DrawbridgeError(
    'store/start_failed',
    `The database did not start. ${explainKnown(error.message, folder) ?? error.message}`,
    { cause: error },
  );
}

/** The line that says what went wrong, without the time in front of it. */
function lastLine(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '');
  const issue = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return issue?.replace(/^.*?(FATAL|PANIC|error): */, '').trim() ?? 'nothing';
}
