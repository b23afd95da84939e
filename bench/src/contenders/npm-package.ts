// A package that the bench pins: its version, and the script behind its command, which is started
// without the shell wrapper that package managers put around it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NpmPackage {
  readonly version: string;
  /** Absolute. */
  readonly script: string;
}

/** @throws Error where it is not installed */
export function readNpmPackage(name: string): NpmPackage {
  const folder = join(import.meta.dirname, '../../node_modules', name);
  const { version, bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version: string;
    bin: Record<string, string>;
  };
  const path = bin[name];
  if (path === undefined) throw new Error(`${name} has no command of its name.`);
  return { version, script: join(folder, path) };
}
