// Vectors in Qdrant, one collection for each index. The collection is made when it is first used.
import { assertDimensions, type VectorStore } from './vector-store.ts';

export interface QdrantVectorsOptions {
  url: string;
  apiKey?: string | undefined;
  /** Letters, digits, "-" and "_". */
  collection: string;
  dimensions: number;
  /** For each request, in milliseconds. */
  timeout?: number;
}

const TIMEOUT_MS = 5_000;
/** Points of one request. */
const BATCH = 256;

async function connect({ url, apiKey, timeout = TIMEOUT_MS }: QdrantVectorsOptions) {
  const { QdrantClient } = await import('@qdrant/js-client-rest');
  return new QdrantClient({
    url,
    timeout,
    checkCompatibility: false,
    ...(apiKey !== undefined && { apiKey }),
  });
}

type Client = Awaited<ReturnType<typeof connect>>;

async function prepare(options: QdrantVectorsOptions): Promise<Client> {
  const { collection, dimensions } = options;
  const client = await connect(options);
  const { exists } = await client.collectionExists(collection);
  if (exists) {
    const { config } = await client.getCollection(collection);
    const { vectors } = config.params;
    if (vectors !== undefined && 'size' in vectors && vectors.size === dimensions) return client;
    await client.deleteCollection(collection);
  }
  await client.createCollection(collection, { vectors: { size: dimensions, distance: 'Cosine' } });
  return client;
}

function* batchesOf<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += BATCH) yield items.slice(from, from + BATCH);
}

export function createQdrantVectors(options: QdrantVectorsOptions): VectorStore {
  const { collection, dimensions } = options;
  let prepared: Promise<Client> | undefined;
  const client = (): Promise<Client> => {
    prepared ??= prepare(options).catch((error: unknown) => {
      // The next call tries anew.
      prepared = undefined;
      throw error;
    });
    return prepared;
  };
  return {
    async put(items, signal) {
      assertDimensions(items, dimensions);
      const qdrant = await client();
      for (const batch of batchesOf(items)) {
        signal?.throwIfAborted();
        const points = batch.map(({ id, vector }) => ({ id, vector: [...vector] }));
        await qdrant.upsert(collection, { wait: true, points });
      }
    },
    async remove(ids, signal) {
      const qdrant = await client();
      for (const points of batchesOf(ids)) {
        signal?.throwIfAborted();
        await qdrant.delete(collection, { wait: true, points });
      }
    },
    async present(ids, signal) {
      const qdrant = await client();
      const found = new Set<number>();
      for (const batch of batchesOf(ids)) {
        signal?.throwIfAborted();
        const points = await qdrant.retrieve(collection, {
          ids: batch,
          with_payload: false,
          with_vector: false,
        });
        for (const { id } of points) found.add(Number(id));
      }
      return found;
    },
    async search(vector, limit, signal) {
      assertDimensions([{ id: 0, vector }], dimensions);
      const qdrant = await client();
      signal?.throwIfAborted();
      const { points } = await qdrant.query(collection, {
        query: [...vector],
        limit,
        with_payload: false,
      });
      return points.map(({ id, score }) => ({ id: Number(id), score }));
    },
    async count() {
      const qdrant = await client();
      return (await qdrant.count(collection, { exact: true })).count;
    },
  };
}
