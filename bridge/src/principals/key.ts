// API keys: 256 random bits behind a prefix that secret scanners and our own redaction know. Only
// the SHA-256 is stored; a key has too much entropy for a slow hash to add anything.
import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'dbk_';
const SHAPE = /^dbk_[A-Za-z0-9_-]{43}$/;

export function createKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** Whether a string has the shape of a key; anything else costs no query. */
export function isKey(text: string): boolean {
  return SHAPE.test(text);
}

/** The form in which a key is stored and looked up. */
export function toKeyHash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
