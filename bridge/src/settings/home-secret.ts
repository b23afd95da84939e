// The home's own secret: made once, and the same for starts that happen at once.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../errors.ts';

/**
 * The secret that signs what leaves this home and comes back: `DRAWBRIDGE_SECRET`, else the one kept
 * in `<home>/secret` (0600), made here when there is none. Two starts at once end with the same one.
 */
export function loadSecret(settings: { readonly home: string; readonly secret?: string }): string {
  if (settings.secret !== undefined) return settings.secret;
  const file = join(settings.home, 'secret');
  const kept = readSecret(file);
  if (kept !== undefined) return kept;
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const made = `${randomBytes(32).toString('base64url')}\n`;
    writeFileSync(draft, made, { mode: 0o600, flag: 'wx', flush: true });
    // A link, unlike a rename, never replaces the secret another start has just made.
    linkSync(draft, file);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    // An empty one signs nothing: a full disk or a loss of power left it.
    if (readSecret(file) === undefined) renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  const made = readSecret(file);
  if (made === undefined) throw new Error(`${file} cannot be read`);
  return made;
}

function readSecret(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    chmodSync(file, 0o600);
    return text === '' ? undefined : text;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
