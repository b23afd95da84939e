// The files under a folder that are worth a look: not in .git, not in the trash, not ignored by
// .gitignore unless asked for. Ripgrep walks, because nothing here would be as quick.
// What it finds it found by path, and a folder may have been swapped for a link meanwhile; so each
// name is looked for again in the open folders, each of which is read once.
import { relative, sep } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { ToolError, type CallContext } from '@drawbridge/kit';
import type { Folder } from './folder.ts';
import { createFolderCache, ifThere } from './folder-cache.ts';
import type { PathGuard } from './path-guard.ts';
import type { Ripgrep } from './ripgrep.ts';
import { createTurns } from './turns.ts';

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

/** Names by the folder they lie in. */
type ByFolder = Map<string, string[]>;

/** Most bytes of paths that one search takes from ripgrep. */
const MOST_PATH_BYTES = 64 * 1024 * 1024;

export const tooMany = (): ToolError =>
  new ToolError('There are too many files to look through at once.', {
    hint: 'a folder further down as the path, or a narrower glob',
  });

/** What ripgrep finds, which is not to be believed yet. */
const proposeFiles = async (
  guard: PathGuard,
  folder: Folder,
  { ignored, matches = () => true, ripgrep, signal, progress }: ListOptions,
): Promise<ByFolder> => {
  const proposed: ByFolder = new Map();
  let rest = '';
  let bytes = 0;
  const decoder = new StringDecoder('utf8');
  await ripgrep(['--files', '--null', ...toWalkArguments(guard, folder, ignored)], {
    cwd: folder.path,
    signal,
    ...(progress !== undefined && { progress }),
    take(piece) {
      if ((bytes += piece.length) > MOST_PATH_BYTES) throw tooMany();
      // Decoded a piece at a time: name by name would take longer than ripgrep itself.
      const paths = (rest + decoder.write(piece)).split('\0');
      rest = paths.pop() ?? '';
      for (const path of paths) {
        if (!matches(path)) continue;
        const end = path.lastIndexOf('/');
        const inside = end < 0 ? '' : path.slice(0, end);
        const names = proposed.get(inside);
        if (names === undefined) proposed.set(inside, [path.slice(end + 1)]);
        else names.push(path.slice(end + 1));
      }
      return true;
    },
  });
  return proposed;
};

/**
 * Paths relative to `folder`, those of one folder together, folder by folder in order. Each was seen
 * as a regular file through the open folders, whatever ripgrep was led to.
 */
export const listFiles = async (
  guard: PathGuard,
  folder: Folder,
  options: ListOptions,
): Promise<string[]> => {
  const proposed = await proposeFiles(guard, folder, options);
  const turn = createTurns(options.signal);
  const cache = createFolderCache(folder);
  const found: string[] = [];
  try {
    for (const inside of [...proposed.keys()].sort()) {
      const open = cache.get(inside);
      const entries = open === undefined ? undefined : ifThere(() => open.entries());
      if (open === undefined || entries === undefined) continue;
      const wanted = new Set(proposed.get(inside));
      const hides = guard.hides(open.real);
      const names = entries
        .filter((entry) => entry.isFile() && wanted.has(entry.name) && !hides(entry.name))
        .map((entry) => (inside === '' ? entry.name : `${inside}/${entry.name}`));
      found.push(...names.sort());
      await turn();
    }
  } finally {
    cache.close();
  }
  return found;
};
