// Vectors that were computed once, by content hash, in a table; the oldest go when there are too many.
import type { Database } from './database.ts';
import type { EmbeddingCache } from './ollama-embedder.ts';

export const EMBEDDING_CACHE_SCHEMA =
  'create table embedding_cache(hash text primary key, vector blob not null) without rowid;';

function toBlob(vector: readonly number[]): Buffer {
  return Buffer.from(new Float32Array(vector).buffer);
}

function fromBlob(blob: Buffer): number[] {
  const whole = blob.length - (blob.length % Float32Array.BYTES_PER_ELEMENT);
  // A buffer of the pool need not begin where floats may.
  const bytes = new Uint8Array(blob.subarray(0, whole));
  return [...new Float32Array(bytes.buffer)];
}

export interface EmbeddingCacheOptions {
  /** Vectors kept. */
  most: number;
}

/** Needs {@link EMBEDDING_CACHE_SCHEMA} in the database. */
export function createEmbeddingCache(
  database: Database,
  { most }: EmbeddingCacheOptions = { most: 200_000 },
): EmbeddingCache {
  const get = database.prepare('select vector from embedding_cache where hash = ?');
  const set = database.prepare(
    'insert or replace into embedding_cache(hash, vector) values (?, ?)',
  );
  const count = database.prepare('select count(*) as count from embedding_cache');
  let room = most - (count.get() as { count: number }).count;
  return {
    get(hash) {
      const row = get.get([hash]) as { vector: Buffer } | undefined;
      return row === undefined ? undefined : fromBlob(row.vector);
    },
    set(hash, vector) {
      if (room <= 0) {
        database.exec('delete from embedding_cache');
        room = most;
      }
      set.run([hash, toBlob(vector)]);
      room -= 1;
    },
  };
}
