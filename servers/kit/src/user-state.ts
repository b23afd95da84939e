// What of Drawbridge's own a server that serves paths must keep away from: the homes and the user's
// state folder, which it never opens, and the settings files that were allowed, which it never writes.
// Homes are made while servers run, so each call asks anew; what has not changed is not read again.
//
// An entry that is damaged names no path and is passed over. A list that cannot be read could name
// any path, so then nothing may be opened.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  type Stats,
} from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import {
  HOME_ENV,
  allowedSettingsSchema,
  knownHomeSchema,
  toUserStateFolder,
} from '@drawbridge/schemas';
import type { z } from 'zod';
import { ToolError } from './tool-error.ts';

/** Every path is absolute and normal; it may lead through links, and need not exist. */
export interface UserState {
  /** Homes, and the user's state folder. @throws ToolError when the list of homes cannot be read. */
  closedFolders(): string[];
  /** Settings files that were allowed. @throws ToolError when one of their lists cannot be read. */
  settingsFiles(): string[];
}

/** Largest entry that is read; that of a settings file has its whole text in it. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Milliseconds within which a change may leave the time stamp of a folder as it was. */
const CLOCK_GRAIN_MS = 100;

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.includes(error.code)
  );
}

function toStamp({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A file stands where a folder on the way would be.
    if (hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

type EntrySchema = z.ZodType<{ path: string }>;

function toPath(text: string, schema: EntrySchema): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { data } = schema.safeParse(json);
  const sound = data !== undefined && isAbsolute(data.path) && !data.path.includes('\0');
  return sound ? resolve(data.path) : undefined;
}

/** A folder of entries, each the file of one path. */
class EntryFolder {
  readonly #folder: string;
  readonly #schema: EntrySchema;
  readonly #entries = new Map<string, { stamp: string; path: string | undefined }>();
  #stamp: string | undefined;

  constructor(folder: string, schema: EntrySchema) {
    this.#folder = folder;
    this.#schema = schema;
  }

  paths(): string[] {
    try {
      this.#refresh();
    } catch (error) {
      throw new ToolError(`Drawbridge's own list in ${this.#folder} cannot be read.`, {
        hint: 'tell the operator: until it can be, nothing that it may protect is touched',
        cause: error,
      });
    }
    return [...this.#entries.values()].flatMap(({ path }) => path ?? []);
  }

  #refresh(): void {
    const stat = statIfThere(this.#folder);
    const stamp = stat === undefined ? 'none' : toStamp(stat);
    if (stamp === this.#stamp) return;
    const names =
      stat === undefined ? [] : readdirSync(this.#folder).filter((name) => name.endsWith('.json'));
    const present = new Set(names);
    for (const name of this.#entries.keys()) if (!present.has(name)) this.#entries.delete(name);
    for (const name of names) this.#read(name);
    const damaged = [...this.#entries.values()].some(({ path }) => path === undefined);
    const settled = stat === undefined || Date.now() - stat.mtimeMs > CLOCK_GRAIN_MS;
    this.#stamp = damaged || !settled ? undefined : stamp;
  }

  #read(name: string): void {
    let fd: number;
    try {
      fd = openSync(join(this.#folder, name), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      this.#entries.delete(name);
      return;
    }
    try {
      const stat = fstatSync(fd);
      const stamp = toStamp(stat);
      if (this.#entries.get(name)?.stamp === stamp) return;
      if (stat.size > MAX_BYTES) throw new Error(`${name} has ${stat.size} bytes`);
      const path = stat.isFile() ? toPath(readFileSync(fd, 'utf8'), this.#schema) : undefined;
      this.#entries.set(name, { stamp, path });
    } finally {
      closeSync(fd);
    }
  }
}

/** Where the environment names no home directory, the system may know one. */
export function findUserStateFolder(env: NodeJS.ProcessEnv): string | undefined {
  const named = toUserStateFolder(env);
  if (named !== undefined) return named;
  try {
    return toUserStateFolder({ HOME: userInfo().homedir });
  } catch (error) {
    // A user without an entry in the system's list, as in a container, has no such folder.
    if (hasCode(error, 'ERR_SYSTEM_ERROR', 'ENOENT')) return undefined;
    throw error;
  }
}

export function createUserState(env: NodeJS.ProcessEnv): UserState {
  const state = findUserStateFolder(env);
  const given = env[HOME_ENV];
  const own = [given, state].flatMap((path) =>
    path === undefined || path === '' ? [] : [resolve(path)],
  );
  const homes =
    state === undefined ? undefined : new EntryFolder(join(state, 'homes'), knownHomeSchema);
  const listsOfSettings = new Map<string, EntryFolder>();
  const settingsOf = (folder: string): string[] => {
    let list = listsOfSettings.get(folder);
    if (list === undefined) {
      list = new EntryFolder(join(folder, 'settings'), allowedSettingsSchema);
      listsOfSettings.set(folder, list);
    }
    return list.paths();
  };
  const closedFolders = (): string[] => [...new Set([...own, ...(homes?.paths() ?? [])])];
  return {
    closedFolders,
    settingsFiles: () => [...new Set(closedFolders().flatMap(settingsOf))],
  };
}
