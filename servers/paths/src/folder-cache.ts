// Folders below one that is open, by their relative paths, for reading again what a search proposed.
// Each is opened in the one above it, never through a link; a bounded number stays open.
import type { Folder } from './folder.ts';
import { ToolError } from '@drawbridge/kit';
import { isSystemError } from './system-errors.ts';

export interface FolderCache {
  /** The folder at `path`, such as `a/b`, or nothing when it is not there or may not be opened. */
  get(path: string): Folder | undefined;
  close(): void;
}

const MAX_OPEN = 64;

/** Runs `work`; nothing when what it wants is gone, changed meanwhile, or may not be opened. */
export function ifThere<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const gone =
      error instanceof ToolError ||
      isSystemError(
        error,
        'ENOENT',
        'ENOTDIR',
        'ELOOP',
        'EACCES',
        'EPERM',
        'ENAMETOOLONG',
        'ENXIO',
      );
    if (gone) return undefined;
    throw error;
  }
}

export function createFolderCache(top: Folder, mostOpen: number = MAX_OPEN): FolderCache {
  /** In the order of their last use. */
  const open = new Map<string, Folder>();
  const keep = (path: string, folder: Folder): Folder => {
    open.delete(path);
    open.set(path, folder);
    for (const [oldest, { close }] of open) {
      if (open.size <= mostOpen) break;
      close();
      open.delete(oldest);
    }
    return folder;
  };
  /** From the deepest folder on the way that is open. */
  const get = (path: string): Folder | undefined => {
    if (path === '') return top;
    let end = path.length;
    let folder: Folder | undefined;
    for (; end > 0; end = Math.max(path.lastIndexOf('/', end - 1), 0)) {
      folder = open.get(path.slice(0, end));
      if (folder !== undefined) break;
    }
    folder ??= top;
    if (end > 0) keep(path.slice(0, end), folder);
    while (end < path.length) {
      const start = end === 0 ? 0 : end + 1;
      const next = path.indexOf('/', start);
      end = next < 0 ? path.length : next;
      const from = folder;
      const name = path.slice(start, end);
      const inner = ifThere(() => from.open(name));
      if (inner === undefined) return undefined;
      folder = keep(path.slice(0, end), inner);
    }
    return folder;
  };
  return {
    get,
    close() {
      for (const { close } of open.values()) close();
      open.clear();
    },
  };
}
