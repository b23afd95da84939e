// The files of a home that a database cannot hold: what signs session ids, and the two keys in the clear.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DrawbridgeError, isSystemError } from '../../errors.ts';
import { type BackupHeader, HOME_FILES } from './format.ts';

type HomeFiles = BackupHeader['files'];

export async function readHomeFiles(home: string): Promise<HomeFiles> {
  const files: HomeFiles = {};
  for (const name of HOME_FILES) {
    const text = await readFileIfThere(join(home, name));
    if (text !== undefined) files[name] = text;
  }
  return files;
}

/** @throws DrawbridgeError `request/conflict` when a file would be lost. */
export async function assertNoneLost(home: string, files: HomeFiles): Promise<void> {
  const held = await readHomeFiles(home);
  for (const name of HOME_FILES) {
    if (files[name] === undefined || held[name] === undefined || held[name] === files[name])
      continue;
    throw new DrawbridgeError(
      'request/conflict',
      `${join(home, name)} is another than the backup's. Give --force to replace it.`,
    );
  }
}

export async function writeHomeFiles(home: string, files: HomeFiles): Promise<void> {
  for (const name of HOME_FILES) {
    const text = files[name];
    if (text === undefined) continue;
    const path = join(home, name);
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
