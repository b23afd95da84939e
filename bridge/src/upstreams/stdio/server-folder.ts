// The folder that a server without a `cwd` starts in, made when it is needed.
import { lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the servers of one home have their folders. */
export interface ServerFolders {
  /** `<folder>/<name>` is a server's. */
  readonly folder: string;
  /** Drawbridge's own folder; `servers` in it leads to `folder`. */
  readonly home: string;
}

/** Makes the folder of one server (0700) and answers its path. */
export function makeServerFolder(name: string, { folder, home }: ServerFolders): string {
  const own = join(folder, name);
  // npm takes the nearest folder with `node_modules` for the project, and looks no further up. It has
  // no package.json, so that no workspace above can claim it (@npmcli/config, loadLocalPrefix).
  mkdirSync(join(own, 'node_modules'), { recursive: true, mode: 0o700 });
  const link = join(home, 'servers');
  if (link !== folder && lstatSync(link, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(dirname(link), { recursive: true, mode: 0o700 });
    symlinkSync(folder, link);
  }
  return own;
}

/** Where the server that ships with Drawbridge keeps its own files; it makes the folder when it needs it. */
export function toStateFolder(name: string, folder: string): string {
  return join(folder, name, 'state');
}
