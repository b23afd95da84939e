// What servers that search share: text ranking, embeddings, vectors, and the database they lie in.
export { toChunks, type Chunk, type ChunkOptions } from './chunks.ts';
export {
  inTransaction,
  isBusy,
  isDamage,
  moveAside,
  openDatabase,
  type Database,
  type OpenDatabaseOptions,
  type OpenedDatabase,
} from './database.ts';
export { EMBEDDING_CACHE_SCHEMA, createEmbeddingCache } from './embedding-cache.ts';
export { createLibsqlVectors } from './libsql-vectors.ts';
export {
  createOllamaEmbedder,
  toOllamaUrl,
  type Embedder,
  type EmbeddingCache,
} from './ollama-embedder.ts';
export { createQdrantVectors } from './qdrant-vectors.ts';
export { fuseRankings, type FusedHit, type Ranking } from './rank-fusion.ts';
export {
  createTextIndex,
  toTextIndexSchema,
  type TextField,
  type TextHit,
  type TextIndex,
  type TextIndexOptions,
} from './text-index.ts';
export type { VectorHit, VectorItem, VectorStore } from './vector-store.ts';
export { createWordSplitter, splitIdentifier, toQueryWords } from './words.ts';
