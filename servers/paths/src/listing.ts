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

function asLiteralGlob(path: string): string {
  return path.replaceAll(/[\\*?[\]{}!]/g, String.raw`\$&`);
}

/** ripgrep's options for what to leave out. Later globs win, so these follow the caller's. */
export function toWalkArguments(guard: PathGuard, folder: Folder, ignored: boolean): string[] {
  return [
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
}

/** Most bytes of paths that one search takes from ripgrep. */
const MAX_PATH_BYTES = 64 * 1024 * 1024;

export function tooMany(): ToolError {
  return new ToolError('There are too many files to look through at once.', {
    hint: 'a folder further down as the path, or a narrower glob',
  });
}

/** What is in one folder. */
interface Inside {
  /** Names of its regular files, as they were seen in the open folder. */
  present: ReadonlySet<string>;
  /** Those that ripgrep proposed as well. */
  found: string[];
}

/**
 * Paths relative to `folder`, those of one folder together, folder by folder in order. Each was seen
 * as a regular file in its open folder, whatever ripgrep was led to.
 */
export async function listFiles(
  guard: PathGuard,
  folder: Folder,
  { ignored, matches = () => true, ripgrep, signal, progress }: ListOptions,
): Promise<string[]> {
  const cache = createFolderCache(folder);
  const folders = new Map<string, Inside>();
  const look = (path: string): Inside => {
    const open = cache.get(path);
    const entries = (open === undefined ? undefined : ifThere(() => open.entries())) ?? [];
    const hides = guard.hides(open?.real ?? '');
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    return { present: new Set(names.filter((name) => !hides(name))), found: [] };
  };
  const decoder = new StringDecoder('utf8');
  let [rest, bytes] = ['', 0];
  const take = (piece: Buffer): boolean => {
    if ((bytes += piece.length) > MAX_PATH_BYTES) throw tooMany();
    // Decoded a piece at a time: name by name would take longer than ripgrep itself.
    const paths = (rest + decoder.write(piece)).split('\0');
    rest = paths.pop() ?? '';
    for (const path of paths) {
      if (!matches(path)) continue;
      const end = path.lastIndexOf('/');
      const above = end < 0 ? '' : path.slice(0, end);
      let inside = folders.get(above);
      if (inside === undefined) folders.set(above, (inside = look(above)));
      const name = path.slice(end + 1);
      if (inside.present.has(name)) inside.found.push(name);
    }
    return true;
  };
  try {
    await ripgrep(['--files', '--null', ...toWalkArguments(guard, folder, ignored)], {
      cwd: folder.path,
      signal,
      ...(progress !== undefined && { progress }),
      take,
    });
  } finally {
    cache.close();
  }
  return [...folders.keys()].sort().flatMap((above) => {
    const names = folders.get(above)?.found.sort() ?? [];
    return above === '' ? names : names.map((name) => `${above}/${name}`);
  });
}
