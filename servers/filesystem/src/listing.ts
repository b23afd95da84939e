// The files under a folder that are worth a look: not in .git, not in the trash, not ignored by
// .gitignore unless asked for. Ripgrep walks, because nothing here would be as quick.
import { relative, sep } from 'node:path';
import type { Folder } from './folder.ts';
import type { PathGuard } from './path-guard.ts';
import { runRipgrep } from './ripgrep.ts';

export const TRASH_FOLDER = '.drawbridge-trash';

export interface WalkOptions {
  /** Also what .gitignore and the like leave out. */
  ignored: boolean;
  signal: AbortSignal;
  /** Milliseconds. */
  timeLimit: number;
}

const asLiteralGlob = (path: string): string => path.replaceAll(/[\\*?[\]{}!]/g, String.raw`\$&`);

/** ripgrep's options for what to leave out. Later globs win, so these follow the caller's. */
export const toWalkArguments = (guard: PathGuard, folder: Folder, ignored: boolean): string[] => [
  '--hidden',
  '--no-require-git',
  '--no-ignore-global',
  ...(ignored ? ['--no-ignore'] : []),
  ...['.git', TRASH_FOLDER, '.drawbridge'].flatMap((name) => ['--glob', `!**/${name}`]),
  ...guard.hiddenIn(folder.real).flatMap((home) => {
    const inside = relative(folder.real, home).split(sep).join('/');
    return ['--glob', `!/${asLiteralGlob(inside)}`];
  }),
];

/** What to sort paths by, so that `a/b` comes before `a-b` as a reader of folders expects. */
export const toSortKey = (path: string): string => path.replaceAll('/', '\0');

/** Paths relative to `folder`, in order. */
export const listFiles = async (
  guard: PathGuard,
  folder: Folder,
  { ignored, signal, timeLimit }: WalkOptions,
): Promise<string[]> => {
  const pieces: Buffer[] = [];
  await runRipgrep(['--files', '--null', ...toWalkArguments(guard, folder, ignored)], {
    cwd: folder.path,
    signal,
    timeLimit,
    take: (piece) => pieces.push(piece) > 0,
  });
  const paths = Buffer.concat(pieces).toString().split('\0');
  paths.pop();
  return paths
    .map((path) => ({ path, key: toSortKey(path) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ path }) => path);
};
