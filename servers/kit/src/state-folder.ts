// Where a server keeps what outlives its process. The bridge names the folder; a server that runs alone
// has one below the user's state. Made when it is first needed, because most calls need none.
import { mkdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { SERVER_STATE_ENV } from '@drawbridge/schemas';
import { ToolError } from './tool-error.ts';
import { findUserStateFolder } from './user-state.ts';

/** Bits of a mode that let others write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Answers a function that makes the folder (0700) and answers its path: `DRAWBRIDGE_SERVER_STATE`, or
 * `drawbridge/<name>` in the user's state folder (XDG base directory specification).
 *
 * The function throws a ToolError when there is no such folder, or when others may write into it.
 */
export function createStateFolder(name: string, env: NodeJS.ProcessEnv): () => string {
  let made: string | undefined;
  return () => (made ??= makeFolder(toPath(name, env)));
}

function toPath(name: string, env: NodeJS.ProcessEnv): string {
  const given = env[SERVER_STATE_ENV];
  if (given !== undefined && given !== '') {
    if (isAbsolute(given)) return given;
    throw new ToolError(`${SERVER_STATE_ENV} is not an absolute path.`, { allowed: '/a/folder' });
  }
  const state = findUserStateFolder(env);
  if (state !== undefined) return join(state, name);
  throw new ToolError('There is no folder to keep state in: the user has no home directory.', {
    hint: `set ${SERVER_STATE_ENV} to a folder`,
  });
}

function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ToolError(`The state folder ${path} cannot be made.`, {
      hint: `set ${SERVER_STATE_ENV} to a folder that can be written`,
      cause: error,
    });
  }
  const { uid, mode } = statSync(path);
  // Windows tells neither.
  const own = process.getuid?.();
  if (own !== undefined && (uid !== own || (mode & WRITABLE_BY_OTHERS) !== 0)) {
    throw new ToolError(`The state folder ${path} can be written by others.`, {
      allowed: 'a folder of this user with mode 0700',
    });
  }
  return path;
}
