// What no call may write, whatever the roots: the settings file, because its text decides what the
// bridge runs, and Drawbridge's own installation, because it is what runs.
import { join } from 'node:path';
import { CONFIG_FILE_NAME } from './config-file.ts';
import { isInside, toRealPath } from './inside.ts';

/** Absolute files and folders, for the calls of one project. */
export function toReadOnlyPaths(options: {
  readonly configPath: string;
  readonly cwd: string;
  readonly packageRoot: string;
  /** The folders that the settings name; empty where the project is the folder of the start. */
  readonly namedRoots: readonly string[];
}): string[] {
  const { configPath, cwd, packageRoot, namedRoots } = options;
  const files = [configPath, toRealPath(configPath), join(toRealPath(cwd), CONFIG_FILE_NAME)];
  const isNamed = namedRoots.some((root) => isInside(packageRoot, root));
  return [...new Set([...files, ...(isNamed ? [] : [toRealPath(packageRoot)])])];
}
