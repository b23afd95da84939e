// The copies of settings files as they were last allowed, one for each file. They lie in a home that was
// named, else in this user's state folder: never where a project could have brought them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { allowedSettingsSchema, toUserStateFolder } from '@drawbridge/schemas';
import { DrawbridgeError } from '../errors.ts';
import type { Home, HomeOptions } from './homes.ts';
import { readPrivateJson, toEntryName, writePrivateJson } from './private-file.ts';

export interface SettingsCopies {
  /** Undefined where there is no place for copies. */
  readonly folder: string | undefined;
  /** The allowed text of a settings file; undefined when none was, or the copy is damaged. */
  read(path: string): string | undefined;
  /** @throws DrawbridgeError `settings/invalid` where no copy can be kept. */
  write(path: string, text: string): void;
  remove(path: string): void;
}

export function createSettingsCopies(home: Home, env: HomeOptions['env']): SettingsCopies {
  const state = home.trust === 'named' ? home.path : toUserStateFolder(env);
  const folder = state === undefined ? undefined : join(state, 'settings');
  return {
    folder,
    read(path) {
      if (folder === undefined) return undefined;
      const { success, data } = allowedSettingsSchema.safeParse(
        readPrivateJson(join(folder, toEntryName(path))),
      );
      return success && data.path === path ? data.text : undefined;
    },
    write(path, text) {
      if (folder === undefined) {
        throw new DrawbridgeError(
          'settings/invalid',
          'Drawbridge keeps what was allowed in this user’s home directory, and HOME is not set. Set it, or name a home with --home.',
        );
      }
      writePrivateJson(join(folder, toEntryName(path)), { path, text });
    },
    remove(path) {
      if (folder !== undefined) rmSync(join(folder, toEntryName(path)), { force: true });
    },
  };
}
