// A definition's identity: SHA-256 over its JSON with sorted keys, so that a server that only
// reorders its keys has not changed.
import { createHash } from 'node:crypto';
import { isRecord } from '../json-record.ts';

/** Hex SHA-256 of a tool's, prompt's or resource's definition. */
export function toDefinitionHash(definition: unknown): string {
  return toHash(toCanonicalJson(definition));
}

export function toHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON with sorted keys. */
export function toCanonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
