// Brings an index up to date: files that changed are read, parsed in threads and stored in batches. No
// more than a few are held at once, so that memory does not grow with the repository.
import { lstatSync } from 'node:fs';
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
): Promise<{ parsed: ParsedFile | undefined; failed: boolean }> {
  const language = languageOf(path)?.name;
  try {
    return { parsed: await pool.run({ kind: 'index', language, text }, signal), failed: false };
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
  }
  try {
    // A text that no parser gets through is still searched by its words.
    const plain = { kind: 'index', language: undefined, text } as const;
    return { parsed: await pool.run(plain, signal), failed: true };
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return { parsed: undefined, failed: true };
  }
}

/** `same` is the time stamp of a file whose content is as it was. */
async function toRecord(
  path: string,
  cache: FolderCache,
  options: RefreshOptions & Pick<IndexStore, 'known'>,
): Promise<FileRecord | { same: number; id: number }> {
  const end = path.lastIndexOf('/');
  const name = path.slice(end + 1);
  const above = cache.get(end < 0 ? '' : path.slice(0, end));
  const source = ifThere(() =>
    above === undefined || options.guard.hides(above.real)(name)
      ? undefined
      : readSource(above, name),
  );
  const language = languageOf(path)?.name ?? 'text';
  if (source === undefined) {
    // Read again when it changes, and not before.
    const stat = above && ifThere(() => lstatSync(above.at(name)));
    const { size = -1, mtimeMs: mtime = -1 } = stat ?? {};
    const empty = { hash: '', lines: 0, parsed: undefined };
    return { path, language, state: 'unreadable', size, mtime, ...empty };
  }
  const { text, state, size, mtime, hash, lines } = source;
  const record = { path, language, state, size, mtime, hash, lines, parsed: undefined };
  const known = options.known(path);
  if (hash !== '' && known?.hash === hash) return { same: mtime, id: known.id };
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
  const cache = createFolderCache(folder);
  let batch: FileRecord[] = [];
  let touched: { id: number; mtime: number }[] = [];
  let [characters, done, next] = [0, 0, 0];
  const flush = (gone: readonly number[] = []): void => {
    const chunks = store.replace(batch, gone, lease.assertHeld);
    if (touched.length > 0) store.touch(touched);
    if (chunks.length > 0) onRemoved(chunks);
    done += batch.length + touched.length;
    [batch, touched, characters] = [[], [], 0];
    onProgress(done);
  };
  const work = async (): Promise<void> => {
    for (let path = changed[next++]; path !== undefined; path = changed[next++]) {
      signal.throwIfAborted();
      const record = await toRecord(path, cache, { ...options, known: store.known });
      if ('same' in record) touched.push({ id: record.id, mtime: record.same });
      else {
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
