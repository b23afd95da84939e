// What git takes for the repository's common folder (GIT_COMMON_DIR, gitrepository-layout(5)): a folder
// of ours, made for one call, that leads to the real objects and references and has settings of its own.
// So git never opens the repository's settings, hooks or info/attributes: there is no moment between
// our reading and git's in which somebody could change them.
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readSmallFile, type Location } from './locate.ts';

const MAX_EXCLUDES = 1024 * 1024;
/** Left behind by a process that was killed. */
const STALE_MS = 24 * 60 * 60 * 1_000;
const PREFIX = 'call-';

export interface CommonFolder {
  path: string;
  remove(): void;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

export interface CommonFolderOptions {
  /** Where it is made. */
  within: string;
  /** Settings, as a file. */
  settings: string;
  effect: 'read' | 'write';
  /** Patterns of gitignore(5), besides those of info/exclude. */
  excludes?: readonly string[] | undefined;
}

export function createCommonFolder(
  { gitFolder, commonFolder, workTree }: Location,
  { within, settings, effect, excludes = [] }: CommonFolderOptions,
): CommonFolder {
  const path = mkdtempSync(join(within, PREFIX));
  const isLinked = gitFolder !== commonFolder;
  try {
    // Git could not make it where a link leads.
    const logs = join(commonFolder, 'logs');
    if (effect === 'write' && workTree !== undefined && !exists(logs)) mkdirSync(logs);
    // In the main work tree, git reads HEAD from its own folder.
    const heads = isLinked ? ['HEAD'] : [];
    for (const name of ['objects', 'refs', 'logs', 'worktrees', 'packed-refs', ...heads]) {
      symlinkSync(join(commonFolder, name), join(path, name));
    }
    if (exists(join(commonFolder, 'shallow'))) {
      symlinkSync(join(commonFolder, 'shallow'), join(path, 'shallow'));
    }
    mkdirSync(join(path, 'info'));
    const own = readSmallFile(join(commonFolder, 'info/exclude'), MAX_EXCLUDES)?.toString() ?? '';
    writeFileSync(join(path, 'info/exclude'), [own, ...excludes, ''].join('\n'));
    writeFileSync(join(path, 'config'), settings);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Removes what processes that were killed left in `within`. */
export function removeStale(within: string): void {
  for (const entry of readdirSync(within, { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith(PREFIX)) continue;
    const path = join(within, entry.name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > STALE_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
