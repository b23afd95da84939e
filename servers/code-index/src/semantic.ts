// Search by meaning, where the operator set a model: pieces of code are embedded after indexing, in the
// background, and a question is compared with them. Without a model, or while it does not answer, there
// are no hits, and nobody waits for it.
import { randomBytes } from 'node:crypto';
import type { Log } from '@drawbridge/kit';
import { createFolderCache, ifThere, type Folder, type PathGuard } from '@drawbridge/paths';
import {
  createEmbeddingCache,
  createLibsqlVectors,
  createOllamaEmbedder,
  createQdrantVectors,
  toOllamaUrl,
  type Embedder,
  type VectorHit,
  type VectorStore,
} from '@drawbridge/retrieval';
import type { IndexStore } from './index-store.ts';
import { readSource } from './read-source.ts';
import type { RootIndex } from './root-index.ts';
import type { ChunkRow } from './store-queries.ts';

export interface Semantic {
  /** Embeds what has no vector yet; one run at a time for each index. */
  update(index: RootIndex): void;
  forget(index: RootIndex, chunks: readonly number[]): void;
  /** Nothing when there are no vectors to compare with; `trouble` says why, if that is news. */
  search(
    index: RootIndex,
    question: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ hits: VectorHit[]; trouble?: string }>;
  close(): void;
}

export interface SemanticOptions {
  env: NodeJS.ProcessEnv;
  log: Log;
  withFolder<T>(
    index: RootIndex,
    work: (guard: PathGuard, folder: Folder) => Promise<T>,
  ): Promise<T>;
}

interface Parts {
  embedder: Embedder;
  vectors: VectorStore | undefined;
}

/** A question is not worth a longer wait; milliseconds. */
const QUESTION_MS = 1_500;
const PAGE = 32;
const MAX_CHUNK = 4_000;

function identityOf(store: IndexStore): string {
  const known = store.getMeta('identity');
  if (known !== undefined) return known;
  const made = randomBytes(12).toString('hex');
  store.setMeta('identity', made);
  return made;
}

const none: Semantic = {
  update() {},
  forget() {},
  search: async () => ({ hits: [] }),
  close() {},
};

export function createSemantic({ env, log, withFolder }: SemanticOptions): Semantic {
  const model = env['DRAWBRIDGE_EMBEDDING_MODEL'];
  if (model === undefined || model === '') return none;
  const url = toOllamaUrl(env['OLLAMA_HOST']);
  const qdrant = env['QDRANT_URL'];
  const parts = new WeakMap<IndexStore, Parts>();
  const running = new Set<RootIndex>();
  const stop = new AbortController();

  const partsOf = (store: IndexStore): Parts => {
    let known = parts.get(store);
    if (known === undefined) {
      const cache = createEmbeddingCache(store.database);
      known = { embedder: createOllamaEmbedder({ url, model, cache }), vectors: undefined };
      parts.set(store, known);
    }
    return known;
  };
  const vectorsOf = (store: IndexStore, dimensions: number): VectorStore => {
    const known = partsOf(store);
    // Vectors of two models cannot be compared.
    if (store.getMeta('model') !== model) store.database.exec('drop table if exists vectors');
    store.setMeta('model', model);
    store.setMeta('dimensions', String(dimensions));
    known.vectors ??=
      qdrant === undefined || qdrant === ''
        ? createLibsqlVectors(store.database, { table: 'vectors', dimensions })
        : createQdrantVectors({
            url: qdrant,
            apiKey: env['QDRANT_API_KEY'],
            collection: `code-index-${identityOf(store)}-${model.replaceAll(/[^\w-]/g, '_')}`,
            dimensions,
          });
    return known.vectors;
  };

  /** Those that there were when this process began, too. */
  const knownVectors = (store: IndexStore): VectorStore | undefined => {
    const dimensions = Number(store.getMeta('dimensions'));
    const usable = dimensions > 0 && store.getMeta('model') === model;
    return partsOf(store).vectors ?? (usable ? vectorsOf(store, dimensions) : undefined);
  };

  /** Texts of chunks whose file is still as it was indexed. */
  const textsOf = async (
    index: RootIndex,
    chunks: readonly ChunkRow[],
  ): Promise<{ id: number; text: string }[]> =>
    withFolder(index, async (guard, folder) => {
      const cache = createFolderCache(folder);
      const lines = new Map<string, string[] | undefined>();
      try {
        return chunks.flatMap(({ id, path, hash, name, startLine, endLine }) => {
          if (!lines.has(path)) {
            const end = path.lastIndexOf('/');
            const above = cache.get(end < 0 ? '' : path.slice(0, end));
            const file = path.slice(end + 1);
            const source =
              above === undefined || guard.hides(above.real)(file)
                ? undefined
                : ifThere(() => readSource(above, file));
            lines.set(path, source?.hash === hash ? source.text?.split('\n') : undefined);
          }
          const text = lines
            .get(path)
            ?.slice(startLine - 1, endLine)
            .join('\n');
          if (text === undefined || text.trim() === '') return [];
          return [{ id, text: `${path} ${name}\n${text}`.slice(0, MAX_CHUNK) }];
        });
      } finally {
        cache.close();
      }
    });

  const embedAll = async (index: RootIndex): Promise<void> => {
    for (let after = 0; ;) {
      stop.signal.throwIfAborted();
      const chunks = await index.use((store) => store.chunksAfter(after, PAGE));
      if (chunks.length === 0) return;
      after = chunks.at(-1)?.id ?? after;
      const store = await index.use((each) => each);
      const there = await knownVectors(store)?.present(
        chunks.map(({ id }) => id),
        stop.signal,
      );
      const missing = chunks.filter(({ id }) => there?.has(id) !== true);
      if (missing.length === 0) continue;
      const texts = await textsOf(index, missing);
      if (texts.length === 0) continue;
      const { embedder } = partsOf(store);
      const vectors = await embedder.embed(
        texts.map(({ text }) => text),
        { signal: stop.signal },
      );
      // The next refresh tries again.
      if (vectors === undefined) return;
      const items = texts.map(({ id }, place) => ({ id, vector: vectors[place] ?? [] }));
      await vectorsOf(store, items[0]?.vector.length ?? 1).put(items, stop.signal);
    }
  };

  return {
    update(index) {
      if (running.has(index) || stop.signal.aborted) return;
      running.add(index);
      embedAll(index)
        .catch((error: unknown) => {
          if (!stop.signal.aborted) log('embedding stopped', { error });
        })
        .finally(() => running.delete(index));
    },
    forget(index, chunks) {
      index
        .use(knownVectors)
        .then((vectors) => vectors?.remove(chunks))
        .catch((error: unknown) => log('vectors could not be removed', { error }));
    },
    async search(index, question, limit, signal) {
      const store = await index.use((each) => each);
      const { embedder } = partsOf(store);
      const [vector] = (await embedder.embed([question], { signal, timeout: QUESTION_MS })) ?? [];
      if (vector === undefined) {
        return {
          hits: [],
          trouble: `the model ${model} ${embedder.trouble() ?? 'does not answer'}`,
        };
      }
      try {
        const vectors = vectorsOf(store, vector.length);
        return { hits: await vectors.search(vector, limit, signal) };
      } catch (error) {
        signal.throwIfAborted();
        log('vectors could not be searched', { error });
        return { hits: [], trouble: 'the vectors cannot be searched' };
      }
    },
    close: () => stop.abort(),
  };
}
