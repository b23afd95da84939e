// Picks up a changed settings file without a restart. The folder is watched, not the file: editors
// replace the file by a rename, and a watch on the file would stay with the one that is gone.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CONFIG_FILE_NAME } from './config-file.ts';
import { type Settings, type SettingsOptions, loadSettings } from './settings.ts';

export interface SettingsWatch {
  close(): Promise<void>;
}

/**
 * Calls `onChange` with the new settings whenever the file's meaning changed. A faulty file leaves
 * the old settings in force and goes to `onFault`, once for each state of the file.
 */
export function watchSettings(
  options: SettingsOptions & {
    readonly current: Settings;
    readonly onChange: (settings: Settings) => void;
    readonly onFault: (error: unknown) => void;
    /** Waits this long after the last change, in milliseconds: files are written in steps. */
    readonly debounce?: number;
  },
): SettingsWatch {
  const { onChange, onFault, debounce = 100 } = options;
  let current = options.current;
  let lastFault: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  const reload = () => {
    let next: Settings;
    try {
      next = loadSettings(options);
    } catch (error) {
      const fault = String(error);
      if (fault !== lastFault) onFault(error);
      lastFault = fault;
      return;
    }
    lastFault = undefined;
    if (isDeepStrictEqual(next, current)) return;
    current = next;
    onChange(next);
  };
  const notice = (name: string | null, wanted: string) => {
    if (name !== null && name !== wanted) return;
    clearTimeout(timer);
    timer = setTimeout(reload, debounce);
  };

  const watchers: FSWatcher[] = [];
  const watchFile = (folder: string, name: string) => {
    const watcher = watch(folder, (_event, changed) => notice(changed, name));
    watcher.on('error', onFault);
    watchers.push(watcher);
  };
  watchFile(dirname(current.configPath), basename(current.configPath));
  // While the shipped file is in use, a file of one's own may appear and take its place.
  if (options.configPath === undefined && dirname(current.configPath) !== options.cwd) {
    watchFile(options.cwd, CONFIG_FILE_NAME);
  }

  return {
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.splice(0)) watcher.close();
      return Promise.resolve();
    },
  };
}
