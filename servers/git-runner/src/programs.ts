// Which programs git may start by itself. It finds its own parts in GIT_EXEC_PATH, and that is a folder
// of ours: with git itself, but only for the repository at hand, and with the helper for https. A git
// that git starts in a submodule, whose settings nobody looked at, does nothing; scripts of git are not
// found at all.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { delimiter, isAbsolute, join } from 'node:path';
import { ToolError } from '@drawbridge/kit';

export interface Programs {
  /** The path of git. */
  git: string;
  /** What git takes for the folder of its own parts; nothing where that is not done. */
  folder: string | undefined;
}

const HELPERS = ['git-remote-https', 'git-remote-http'];
/** Set for commands that are in no repository, such as clone. */
export const ANYWHERE_ENV = 'DRAWBRIDGE_GIT_ANYWHERE';

function toScript(git: string): string {
  return `#!/bin/sh
# Git clears GIT_COMMON_DIR for what it starts in another repository.
if [ -z "$GIT_COMMON_DIR" ] && [ -z "$${ANYWHERE_ENV}" ]; then exit 0; fi
exec '${git.replaceAll("'", `'\\''`)}' "$@"
`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** In the absolute folders of the search path. */
export function findGit({ PATH = '/usr/local/bin:/usr/bin:/bin' }: NodeJS.ProcessEnv): string {
  const found = PATH.split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, process.platform === 'win32' ? 'git.exe' : 'git'))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new ToolError('There is no git on this machine.', {
    hint: 'the operator can install git 2.31 or newer',
  });
}

/** Replaces what another process may be using. */
function place(path: string, make: (path: string) => void): void {
  const temporary = `${path}.${process.pid}`;
  make(temporary);
  renameSync(temporary, path);
}

export function makePrograms(env: NodeJS.ProcessEnv, within: string): Programs {
  const git = findGit(env);
  if (process.platform === 'win32') return { git, folder: undefined };
  const folder = join(within, 'programs');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const parts = execFileSync(git, ['--exec-path'], {
    env: {},
    encoding: 'utf8',
    timeout: 10_000,
  }).trim();
  place(join(folder, 'git'), (path) => writeFileSync(path, toScript(git), { mode: 0o700 }));
  for (const name of HELPERS) {
    const target = join(parts, name);
    if (existsSync(target)) place(join(folder, name), (path) => symlinkSync(target, path));
  }
  return { git, folder };
}
