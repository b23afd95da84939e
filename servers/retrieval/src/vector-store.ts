// The port behind which vectors are kept. One contract test holds every adapter.

export interface VectorItem {
  /** A whole number from 0. */
  id: number;
  vector: readonly number[];
}

export interface VectorHit {
  id: number;
  /** Cosine similarity, from -1 to 1. */
  score: number;
}

export interface VectorStore {
  /** Adds, or replaces those of the same id. @throws Error when a vector has other dimensions. */
  put(items: readonly VectorItem[], signal?: AbortSignal): Promise<void>;
  /** Ids that are not there are passed over. */
  remove(ids: readonly number[], signal?: AbortSignal): Promise<void>;
  /** Those of `ids` that are there. */
  present(ids: readonly number[], signal?: AbortSignal): Promise<Set<number>>;
  /** The nearest first. */
  search(vector: readonly number[], limit: number, signal?: AbortSignal): Promise<VectorHit[]>;
  count(signal?: AbortSignal): Promise<number>;
}

export function assertDimensions(items: readonly VectorItem[], dimensions: number): void {
  const wrong = items.find(({ vector }) => vector.length !== dimensions);
  if (wrong === undefined) return;
  throw new Error(`a vector has ${wrong.vector.length} dimensions, not ${dimensions}`);
}
