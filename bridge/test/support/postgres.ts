// A database of its own for a test file: a clone of the migrated one, 20 ms.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { query, toDatabaseUrl } from './postgres-server.ts';

export interface TestDatabase {
  /** For `openStore({ databaseUrl })` or a client of `pg`; its user owns the tables. */
  readonly url: string;
  readonly name: string;
  drop(): Promise<void>;
}

/** `empty` has not been migrated. */
export async function createTestDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const { url, template } = inject('postgres');
  const name = `drawbridge_test_${randomUUID().replaceAll('-', '')}`;
  await query(
    url,
    `create database ${name} template ${empty ? 'template0' : template} strategy file_copy`,
  );
  return {
    url: toDatabaseUrl(url, name),
    name,
    drop: () => query(url, `drop database if exists ${name} with (force)`),
  };
}
