// Names of users: what may be asked for, and the names that the bridge makes itself. A made name has a
// colon, which no name that is asked for may have, so nobody can be given the user of a single key.
import { z } from 'zod';

export const userNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/,
    'letters, digits and . _ @ -, beginning with a letter or digit, 64 characters at most',
  );

/** The user of one key alone. */
export function toOwnUserName(keyId: string): string {
  return `key:${keyId}`;
}

/** Whether the bridge made the name; the key's name then says more. */
export function isOwnUserName(name: string): boolean {
  return name.includes(':');
}
