// `Drawbridge-Roots`: folders that one client adds for itself (`drawbridge stdio --root .`). Only
// somebody who can read the home may do that, which the MAC with the home's secret proves.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { DrawbridgeError } from './errors.ts';

export const ROOTS_HEADER = 'Drawbridge-Roots';

const rootsSchema = z.array(z.string().refine(isAbsolute, 'must be an absolute path')).max(64);

export function toRootsHeader(roots: readonly string[], secret: string): string {
  const body = Buffer.from(JSON.stringify(roots)).toString('base64url');
  return `${body}.${mac(body, secret).toString('base64url')}`;
}

/** Throws `auth/forbidden` when the header was not made with this secret. */
export function fromRootsHeader(header: string, secret: string): readonly string[] {
  const [body = '', tail = ''] = header.split('.');
  const given = Buffer.from(tail, 'base64url');
  const wanted = mac(body, secret);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new DrawbridgeError(
      'auth/forbidden',
      `The header ${ROOTS_HEADER} is not signed with this home's secret.`,
    );
  }
  return rootsSchema.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
}

function mac(body: string, secret: string): Buffer {
  return createHmac('sha256', secret).update('roots').update(body).digest();
}
