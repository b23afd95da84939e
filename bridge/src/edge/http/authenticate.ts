// Finds the principal of a request by its key: `Authorization: Bearer <key>`, on every route but the open
// ones. Keys are never taken from the query, from where they would get into logs (RFC 6750, section 5.3).
import type { Context } from 'hono';
import type { Principal } from '../../principals/caller.ts';
import { DrawbridgeError } from '../../errors.ts';

export type Verify = (key: string) => Promise<Principal | undefined>;

/** The key that a request's `Authorization` header holds. */
export function toKey(header: string | undefined): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(header ?? '')?.[1];
}

/** Rejects with `auth/missing` or `auth/invalid`. */
export async function authenticate(c: Context, verify: Verify): Promise<Principal> {
  const key = toKey(c.req.header('authorization'));
  if (key === undefined) {
    throw new DrawbridgeError(
      'auth/missing',
      'This needs a key: send the header "Authorization: Bearer <key>". `drawbridge token show` tells the home\'s keys.',
    );
  }
  const principal = await verify(key);
  if (principal === undefined) {
    throw new DrawbridgeError('auth/invalid', 'This key is not known, has expired or was revoked.');
  }
  return principal;
}

export function assertOperator(principal: Principal): void {
  if (principal.role !== 'operator') {
    throw new DrawbridgeError(
      'auth/forbidden',
      "This needs an operator's key; yours is a member's.",
    );
  }
}
