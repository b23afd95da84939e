// What JSON calls an object: neither null nor a list. Its values are unknown.

export type JsonRecord = Record<string, unknown>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value itself, or an empty record in the place of anything else. */
export function toRecord(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}
