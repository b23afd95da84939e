// The two keys of a home: `token` is the operator's, `member-token` goes into clients' settings.
// Whoever can read the home owns the bridge, so the files are 0600 and are made anew when missing.
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Principals } from './principals.ts';

export interface HomeKeys {
  readonly operator: string;
  readonly member: string;
}

export async function ensureHomeKeys(home: string, principals: Principals): Promise<HomeKeys> {
  return {
    operator: await ensureKeyFile(join(home, 'token'), (key) =>
      principals.ensureKey('operator', key),
    ),
    member: await ensureKeyFile(join(home, 'member-token'), (key) =>
      principals.ensureKey('member', key),
    ),
  };
}

async function ensureKeyFile(
  path: string,
  ensure: (key: string | undefined) => Promise<string>,
): Promise<string> {
  const held = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  const key = await ensure(held);
  if (key === held) {
    await chmod(path, 0o600);
  } else {
    await writeFile(`${path}.new`, `${key}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
  return key;
}
