// Brings an index up to date: files that changed are read, parsed in threads and stored in batches. No
// more than a few are held at once, so that memory does not grow with the repository.
import {
  createFolderCache,
  ifThere,
  type Folder,
  type FolderCache,
  type PathGuard,
} from '@drawbridge/paths';
import type { Changes } from './find-changes.ts';
import type { FileRecord, IndexStore } from './index-store.ts';
import { languageOf } from './languages.ts';
import type { Lease } from './lease.ts';
import { ParseFailure, type ParserPool } from './parser-pool.ts';
import type { ParsedFile } from './parse-task.ts';
import { readSource } from './read-source.ts';

export interface RefreshOptions {
  guard: PathGuard;
  folder: Folder;
  pool: ParserPool;
  lease: Lease;
  signal: AbortSignal;
  /** Told how many files are done. */
  onProgress(done: number): void;
  /** Told which chunks are gone. */
  onRemoved(chunks: readonly number[]): void;
}

/** Files of one transaction, and characters of text. */
const BATCH_FILES = 48;
const BATCH_CHARACTERS = 2 * 1024 * 1024;

async function parse(
  path: string,
  text: string,
  { pool, signal }: RefreshOptions,
): Promise<{ parsed: ParsedFile; failed: boolean }> {
  const language = languageOf(path)?.name;
  try {
    return { parsed: await pool.run({ kind: 'index', language, text }, signal), failed: false };
  } catch (error) {
    if (!(error instanceof ParseFailure) || language === undefined) throw error;
    // A text that no parser gets through is still searched by its words.
    const plain = { kind: 'index', language: undefined, text } as const;
    return { parsed: await pool.run(plain, signal), failed: true };
  }
}

/** Nothing when the file is gone. */
async function toRecord(
  path: string,
  cache: FolderCache,
  options: RefreshOptions & { hashOf: (path: string) => string | undefined },
): Promise<FileRecord | { same: number } | undefined> {
  const end = path.lastIndexOf('/');
  const name = path.slice(end + 1);
  const source = ifThere(() => {
    const above = cache.get(end < 0 ? '' : path.slice(0, end));
    return above === undefined || options.guard.hides(above.real)(name)
      ? undefined
      : readSource(above, name);
  });
  const language = languageOf(path)?.name ?? 'text';
  if (source === undefined) {
    const empty = { size: -1, mtime: -1, hash: '', lines: 0, parsed: undefined };
    return { path, language, state: 'unreadable', ...empty };
  }
  const { text, state, size, mtime, hash, lines } = source;
  const record = { path, language, state, size, mtime, hash, lines, parsed: undefined };
  if (hash !== '' && options.hashOf(path) === hash) return { same: mtime };
  if (text === undefined) return record;
  const { parsed, failed } = await parse(path, text, options);
  const parsedAs = failed ? 'unparsed' : language === 'text' ? 'text' : 'indexed';
  return { ...record, state: parsedAs, parsed };
}

export async function refresh(
  store: IndexStore,
  { changed, removed }: Pick<Changes, 'changed' | 'removed'>,
  options: RefreshOptions,
): Promise<void> {
  const { folder, pool, lease, signal, onProgress, onRemoved } = options;
  const stamps = store.stamps();
  const cache = createFolderCache(folder);
  let batch: FileRecord[] = [];
  let touched: { id: number; mtime: number }[] = [];
  let [characters, done, next] = [0, 0, 0];
  const flush = (gone: readonly number[] = []): void => {
    lease.assertHeld();
    const chunks = store.replace(batch, gone);
    if (touched.length > 0) store.touch(touched);
    if (chunks.length > 0) onRemoved(chunks);
    done += batch.length + touched.length;
    [batch, touched, characters] = [[], [], 0];
    onProgress(done);
  };
  const work = async (): Promise<void> => {
    for (let path = changed[next++]; path !== undefined; path = changed[next++]) {
      signal.throwIfAborted();
      const hashOf = (at: string): string | undefined => stamps.get(at)?.hash;
      const record = await toRecord(path, cache, { ...options, hashOf });
      if (record === undefined) continue;
      if ('same' in record) {
        const id = stamps.get(path)?.id;
        if (id !== undefined) touched.push({ id, mtime: record.same });
      } else {
        batch.push(record);
        characters += record.size;
      }
      if (batch.length + touched.length >= BATCH_FILES || characters >= BATCH_CHARACTERS) flush();
    }
  };
  try {
    if (removed.length > 0) flush(removed);
    // One more than there are threads, so that none waits for a file to be read.
    const workers = Array.from({ length: Math.min(pool.size + 1, changed.length) }, work);
    const results = await Promise.allSettled(workers);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    flush();
  } finally {
    cache.close();
  }
}
