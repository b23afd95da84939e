// Embeddings from Ollama (`POST /api/embed`). A search must neither fail nor wait because a model is
// absent: what goes wrong is answered with nothing, and then the model is left alone for a while.
import { createHash } from 'node:crypto';
import { z } from 'zod';

export interface EmbedOptions {
  signal?: AbortSignal;
  /** Milliseconds for the whole call, instead of the embedder's own. */
  timeout?: number;
}

export interface Embedder {
  readonly model: string;
  /** One vector for each text, in order; nothing when the model does not answer in time. */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<number[][] | undefined>;
  /** Why there are no vectors now; nothing while there is no known reason. */
  trouble(): string | undefined;
}

/** Vectors by the hash of model and text. */
export interface EmbeddingCache {
  get(hash: string): number[] | undefined;
  set(hash: string, vector: readonly number[]): void;
}

export interface OllamaEmbedderOptions {
  /** Such as `http://127.0.0.1:11434`. */
  url: string;
  model: string;
  fetch?: typeof fetch;
  now?: () => number;
  cache?: EmbeddingCache;
  /** Milliseconds for one request. */
  timeout?: number;
  /** Texts of one request. */
  batch?: number;
  /** Milliseconds in which a model that failed is not asked again. */
  pause?: number;
}

const MAX_TEXT = 8_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;
const PAUSE_MS = 30_000;
const BATCH = 32;

const answerSchema = z.object({ embeddings: z.array(z.array(z.number()).min(1)) });

/** `OLLAMA_HOST` as Ollama itself reads it: host, host:port, or a URL. */
export function toOllamaUrl(host: string | undefined): string {
  const text = host === undefined || host === '' ? '127.0.0.1:11434' : host;
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) return 'http://127.0.0.1:11434';
  const url = new URL(withScheme);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.port === '' && withScheme !== text) url.port = '11434';
  return url.href.replace(/\/$/, '');
}

async function readLimited(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    if ((bytes += part.length) > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError') return 'does not answer in time';
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

export function createOllamaEmbedder({
  url,
  model,
  fetch: request = fetch,
  now = () => performance.now(),
  cache,
  timeout = TIMEOUT_MS,
  batch = BATCH,
  pause = PAUSE_MS,
}: OllamaEmbedderOptions): Embedder {
  let failed: { until: number; reason: string } | undefined;
  const hashOf = (text: string): string =>
    createHash('sha256').update(`${model}\0${text}`).digest('base64url');
  const ask = async (texts: readonly string[], signal: AbortSignal): Promise<number[][]> => {
    const response = await request(`${url}/api/embed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, input: texts, truncate: true }),
      redirect: 'error',
      signal,
    });
    const body = await readLimited(response);
    if (!response.ok) throw new Error(`answered with status ${response.status}`);
    const { embeddings } = answerSchema.parse(JSON.parse(body));
    const size = embeddings[0]?.length;
    if (embeddings.length !== texts.length || embeddings.some(({ length }) => length !== size)) {
      throw new Error('answered with vectors that do not fit');
    }
    return embeddings;
  };
  return {
    model,
    trouble: () => (failed !== undefined && now() < failed.until ? failed.reason : undefined),
    async embed(given, { signal, timeout: most = timeout } = {}) {
      const texts = given.map((text) => text.slice(0, MAX_TEXT));
      const hashes = texts.map(hashOf);
      const vectors = hashes.map((hash) => cache?.get(hash));
      const missing = [...vectors.keys()].filter((index) => vectors[index] === undefined);
      if (missing.length > 0 && failed !== undefined && now() < failed.until) return undefined;
      try {
        for (let from = 0; from < missing.length; from += batch) {
          const part = missing.slice(from, from + batch);
          const limit = AbortSignal.timeout(most);
          const asked = await ask(
            part.map((index) => texts[index] ?? ''),
            signal === undefined ? limit : AbortSignal.any([signal, limit]),
          );
          for (const [place, index] of part.entries()) {
            const vector = asked[place] ?? [];
            vectors[index] = vector;
            cache?.set(hashes[index] ?? '', vector);
          }
        }
        failed = undefined;
      } catch (error) {
        signal?.throwIfAborted();
        failed = { until: now() + pause, reason: reasonOf(error) };
        return undefined;
      }
      const whole = vectors.flatMap((vector) => (vector === undefined ? [] : [vector]));
      return whole.length === texts.length ? whole : undefined;
    },
  };
}
