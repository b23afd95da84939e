// Names of the merged catalog: `server__tool`. Models' APIs take letters, digits, `_` and `-`, 64 characters
// at most. A name that does not fit is cut and ends in a hash of the whole, so that it is the same at every
// start and two long names stay apart.
import { createHash } from 'node:crypto';

const SEPARATOR = '__';
const MAX_LENGTH = 64;
const HASH_LENGTH = 8;

/** The merged name of a server's tool or prompt. */
export function toCatalogName(server: string, name: string): string {
  const whole = `${server}${SEPARATOR}${name}`;
  const plain = whole.replaceAll(/[^a-zA-Z0-9_-]/g, '_');
  if (plain === whole && whole.length <= MAX_LENGTH) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  return `${plain.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`;
}

/** Whether `name` fits a pattern, which is a whole name or a prefix followed by `*`. */
export function fitsPattern(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
