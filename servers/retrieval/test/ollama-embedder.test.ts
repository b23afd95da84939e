// Against a scripted server that speaks Ollama's HTTP API; it is no model.
import { expect, it } from 'vitest';
import {
  EMBEDDING_CACHE_SCHEMA,
  createEmbeddingCache,
  createOllamaEmbedder,
  toOllamaUrl,
} from '../src/index.ts';
import { openTemporary, sendJson, serve, type Asked } from './harness.ts';

function inputOf({ body }: Asked): string[] {
  // Sent by the embedder under test.
  return (body as { input: string[] }).input;
}

async function startScripted() {
  const asked: string[][] = [];
  const url = await serve((request, response) => {
    asked.push(inputOf(request));
    sendJson(response, { embeddings: inputOf(request).map((text) => [text.length, 1]) });
  });
  return { url, asked };
}

it('asks in batches, and answers in order', async () => {
  const { url, asked } = await startScripted();
  const embedder = createOllamaEmbedder({ url, model: 'm', batch: 2 });
  expect(await embedder.embed(['a', 'bb', 'ccc'])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  expect(asked).toEqual([['a', 'bb'], ['ccc']]);
});

it('does not ask again for a text whose vector is kept', async () => {
  const { url, asked } = await startScripted();
  const { database } = await openTemporary(EMBEDDING_CACHE_SCHEMA);
  const cache = createEmbeddingCache(database, { most: 3 });
  const options = { url, model: 'm', cache };
  await createOllamaEmbedder(options).embed(['a', 'bb']);
  expect(await createOllamaEmbedder(options).embed(['bb', 'ccc'])).toEqual([
    [2, 1],
    [3, 1],
  ]);
  expect(asked).toEqual([['a', 'bb'], ['ccc']]);
  await createOllamaEmbedder({ ...options, model: 'other' }).embed(['a']);
  expect(asked.at(-1)).toEqual(['a']);
});

it('answers nothing without a server, and leaves it alone for a while', async () => {
  let time = 0;
  let requests = 0;
  const embedder = createOllamaEmbedder({
    url: 'http://127.0.0.1:9',
    model: 'm',
    now: () => time,
    fetch: async () => {
      requests += 1;
      throw new TypeError('fetch failed', { cause: new Error('connection refused') });
    },
  });
  expect(await embedder.embed(['a'])).toBeUndefined();
  expect(await embedder.embed(['a'])).toBeUndefined();
  expect(requests).toBe(1);
  expect(embedder.trouble()).toBe('connection refused');
  time = 31_000;
  expect(embedder.trouble()).toBeUndefined();
  await embedder.embed(['a']);
  expect(requests).toBe(2);
});

it.each([
  ['an unknown model', 404, { error: 'model not found' }],
  ['too few vectors', 200, { embeddings: [] }],
  ['vectors of two lengths', 200, { embeddings: [[1], [1, 2]] }],
  ['another shape', 200, { embedding: [1] }],
])('answers nothing for %s', async (_what, status, body) => {
  const url = await serve((_request, response) => sendJson(response, body, status));
  const embedder = createOllamaEmbedder({ url, model: 'm' });
  expect(await embedder.embed(['a', 'b'])).toBeUndefined();
  expect(embedder.trouble()).toBeDefined();
});

it('waits no longer than it is told, and heeds a cancel', async () => {
  const url = await serve(() => {});
  const embedder = createOllamaEmbedder({ url, model: 'm' });
  expect(await embedder.embed(['a'], { timeout: 20 })).toBeUndefined();
  expect(embedder.trouble()).toBe('does not answer in time');
  const stop = new AbortController();
  const other = createOllamaEmbedder({ url, model: 'm' });
  const waiting = other.embed(['a'], { signal: stop.signal });
  stop.abort(new Error('cancelled'));
  await expect(waiting).rejects.toThrow('cancelled');
  expect(other.trouble()).toBeUndefined();
});

it.each([
  [undefined, 'http://127.0.0.1:11434'],
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['model.lan:99', 'http://model.lan:99'],
  ['https://m.example/x/', 'https://m.example/x'],
])('reads OLLAMA_HOST %s', (host, url) => {
  expect(toOllamaUrl(host)).toBe(url);
});
