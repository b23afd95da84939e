// Picks up changed settings without a restart. Folders are watched, not files: editors replace a file
// by a rename, and a watch on the file would stay with the one that is gone. The copies are watched
// too, because `drawbridge allow` changes only those.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isSystemError } from '../errors.ts';
import { toSettingsKey } from './choose-settings.ts';
import { CONFIG_FILE_NAME } from './config-file.ts';
import { type SettingsInForce, loadSettingsInForce } from './in-force.ts';
import { makePrivateFolder, toEntryName } from './private-file.ts';
import type { Home } from './homes.ts';
import type { Settings, SettingsOptions } from './settings.ts';

export interface SettingsWatch {
  close(): Promise<void>;
}

/**
 * Calls `onChange` with the new settings whenever the settings in force, or what waits, changed. Text
 * that cannot be used goes to `onIssue`, once for each state of the file.
 */
export function watchSettings(
  options: SettingsOptions & {
    readonly current: SettingsInForce;
    /** The home as it was found at the start; it exists by now. */
    readonly homeInUse?: Home;
    readonly onChange: (settings: Settings) => void;
    readonly onIssue: (error: unknown) => void;
    /** Waits this long after a change, in milliseconds: files are written in steps. */
    readonly debounce?: number;
    /** The longest wait while a file changes all the time: servers need the time between to start. */
    readonly longest?: number;
  },
): SettingsWatch {
  const { onChange, onIssue, debounce = 100, longest = 10 * debounce } = options;
  const { choice, copies } = options.current;
  let { settings: current } = options.current;
  let lastIssue: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  let changedAt: number | undefined;
  const onWrite = () => {
    const at = performance.now();
    changedAt ??= at;
    clearTimeout(timer);
    timer = setTimeout(reload, Math.max(0, Math.min(debounce, changedAt + longest - at)));
  };

  const reload = () => {
    changedAt = undefined;
    let next: SettingsInForce;
    try {
      next = loadSettingsInForce({ ...options, previous: current });
      keepCopy(next);
    } catch (error) {
      const issue = String(error);
      if (issue !== lastIssue) onIssue(error);
      lastIssue = issue;
      return;
    }
    lastIssue = undefined;
    if (isDeepStrictEqual(next.settings, current)) return;
    current = next.settings;
    onChange(next.settings);
  };

  const watchers: FSWatcher[] = [];
  const watchFile = (path: string) => {
    const name = basename(path);
    try {
      const watcher = watch(dirname(path), (_event, changed) => {
        if (changed === null || changed === name) onWrite();
      });
      watcher.on('error', onIssue);
      watchers.push(watcher);
    } catch (error) {
      // The folder of a removed file may be gone with it.
      if (!isSystemError(error, 'ENOENT')) onIssue(error);
    }
  };
  const isNamed = options.configPath !== undefined;
  // While the shipped file is in use, a file of one's own may appear and take its place.
  const wanted = resolve(options.cwd, options.configPath ?? CONFIG_FILE_NAME);
  const files = new Set([wanted, toSettingsKey(wanted, isNamed), choice.path]);
  for (const path of files) watchFile(path);
  const { folder } = copies;
  if (folder !== undefined) {
    try {
      makePrivateFolder(folder);
      const keys = new Set([toSettingsKey(wanted, isNamed), choice.path]);
      for (const key of keys) watchFile(join(folder, toEntryName(key)));
    } catch (error) {
      onIssue(error);
    }
  }

  return {
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.splice(0)) watcher.close();
      return Promise.resolve();
    },
  };
}

/** What is followed is also kept, so that it stays in force when it is no longer followed. */
export function keepCopy({ choice, copies }: SettingsInForce): void {
  if (choice.isToBeKept && copies.folder !== undefined) copies.write(choice.path, choice.text);
}
