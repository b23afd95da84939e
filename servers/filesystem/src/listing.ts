// The files under a folder that are worth a look: not in .git, not in the trash, not ignored by
// .gitignore unless asked for. Ripgrep walks, because nothing here would be as quick.
import { relative, sep } from 'node:path';
import type { CallContext } from '@drawbridge/kit';
import type { Folder } from './folder.ts';
import type { PathGuard } from './path-guard.ts';
import type { Ripgrep } from './ripgrep.ts';

export const TRASH_FOLDER = '.drawbridge-trash';

export interface ListOptions {
  /** Also what .gitignore and the like leave out. */
  ignored: boolean;
  /** Those wanted, by their path relative to the folder. */
  matches?: (path: string) => boolean;
  ripgrep: Ripgrep;
  signal: AbortSignal;
  progress?: CallContext['progress'];
}

const asLiteralGlob = (path: string): string => path.replaceAll(/[\\*?[\]{}!]/g, String.raw`\$&`);

/** ripgrep's options for what to leave out. Later globs win, so these follow the caller's. */
export const toWalkArguments = (guard: PathGuard, folder: Folder, ignored: boolean): string[] => [
  '--hidden',
  '--no-require-git',
  '--no-ignore-global',
  ...(ignored ? ['--no-ignore'] : []),
  ...['.git', TRASH_FOLDER, '.drawbridge'].flatMap((name) => ['--iglob', `!**/${name}`]),
  ...guard.hiddenIn(folder.real).flatMap((home) => {
    const inside = relative(folder.real, home).split(sep).join('/');
    return ['--glob', `!/${asLiteralGlob(inside)}`];
  }),
];

/** Folder by folder and name by name: many short comparisons instead of some long ones. */
const sortByFolder = (paths: readonly string[]): string[] => {
  const folders = new Map<string, string[]>();
  for (const path of paths) {
    const end = path.lastIndexOf('/') + 1;
    const folder = path.slice(0, end);
    const names = folders.get(folder);
    if (names === undefined) folders.set(folder, [path.slice(end)]);
    else names.push(path.slice(end));
  }
  return [...folders.keys()].sort().flatMap((folder) => {
    const names = folders.get(folder) ?? [];
    return names.sort().map((name) => folder + name);
  });
};

/** Paths relative to `folder`, those of one folder together. */
export const listFiles = async (
  guard: PathGuard,
  folder: Folder,
  { ignored, matches = () => true, ripgrep, signal, progress }: ListOptions,
): Promise<string[]> => {
  const pieces: Buffer[] = [];
  await ripgrep(['--files', '--null', ...toWalkArguments(guard, folder, ignored)], {
    cwd: folder.path,
    signal,
    ...(progress !== undefined && { progress }),
    take: (piece) => pieces.push(piece) > 0,
  });
  // Decoded at once: name by name would take longer than ripgrep itself.
  const paths = Buffer.concat(pieces).toString().split('\0');
  paths.pop();
  return sortByFolder(paths.filter(matches));
};
