// The projects of the settings: named sets of folders that calls may touch. Without any there is one,
// the folder where the bridge was started.
import { dirname, resolve } from 'node:path';
import type { DrawbridgeOptions } from '@drawbridge/schemas';

export interface Project {
  /** Absolute. */
  readonly roots: readonly string[];
}

export const DEFAULT_PROJECT = 'default';

/** Relative roots count from the folder of the settings file. */
export function toProjects(
  configured: DrawbridgeOptions['projects'],
  { configPath, cwd }: { readonly configPath: string; readonly cwd: string },
): Readonly<Record<string, Project>> {
  if (Object.keys(configured).length === 0) return { [DEFAULT_PROJECT]: { roots: [cwd] } };
  return Object.fromEntries(
    Object.entries(configured).map(([name, { roots }]) => [
      name,
      { roots: roots.map((root) => resolve(dirname(configPath), root)) },
    ]),
  );
}

export function rootsOf(projects: Readonly<Record<string, Project>>): string[] {
  return Object.values(projects).flatMap(({ roots }) => roots);
}
