// The lines that a search of a folder answers with. Ripgrep proposes, walking by path; what it says is
// believed of no file before that file was opened through the open folders. A short file is read again
// here, and its lines compared byte by byte. A file that is long, or has lines that ripgrep cut, or is
// no UTF-8, is searched again by ripgrep, which then gets the open file and not its path.
import { closeSync, fstatSync, readSync } from 'node:fs';
import {
  MAX_LINE,
  proposeFiles,
  proposeLines,
  searchOpenFiles,
  type FoundLine,
  type ProposedLine,
  type Search,
} from './search-lines.ts';
import type { Folder } from './folder.ts';
import { createFolderCache, ifThere, type FolderCache } from './folder-cache.ts';
import { createTurns } from './turns.ts';

/** Lines proposed at once. Of more, only their files are kept, and searched one after the other. */
const MAX_PROPOSED = 20_000;
/** Files that are open at once. */
const BATCH = 64;
/** Bytes of a file that is read again here. */
const MAX_REREAD = 1024 * 1024;
const NEWLINE = 10;
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface FolderSearch extends Search {
  /** Tells which names in a folder may not be shown. */
  hides(folder: string): (name: string) => boolean;
  mostProposed?: number;
}

/** What to sort paths by, so that they come as ripgrep sorts them: `a/b` before `a-b`. */
function toSortKey(path: string): string {
  return path.replaceAll('/', '\0');
}

function openFile(cache: FolderCache, path: string, search: FolderSearch): number | undefined {
  const end = path.lastIndexOf('/');
  const name = path.slice(end + 1);
  const folder = cache.get(end < 0 ? '' : path.slice(0, end));
  if (folder === undefined || search.hides(folder.real)(name)) return undefined;
  return ifThere(() => folder.openFileNow(name));
}

function readWhole(fd: number): Buffer | undefined {
  const { size } = fstatSync(fd);
  if (size > MAX_REREAD) return undefined;
  // One more, to see that it did not grow.
  const bytes = Buffer.allocUnsafe(size + 1);
  let filled = 0;
  for (;;) {
    const read = readSync(fd, bytes, filled, bytes.length - filled, filled);
    filled += read;
    if (read === 0) return bytes.subarray(0, filled);
    if (filled === bytes.length) return undefined;
  }
}

/** Where lines begin, up to line `last`, and where that one ends. */
function startsOf(bytes: Buffer, from: number, last: number): number[] {
  const starts = [from];
  while (starts.length <= last) {
    const end = bytes.indexOf(NEWLINE, starts.at(-1));
    starts.push(end < 0 ? bytes.length + 1 : end + 1);
    if (end < 0 || end + 1 === bytes.length) break;
  }
  return starts;
}

/** Nothing when the bytes alone cannot tell. */
function compareLines(
  bytes: Buffer,
  proposed: readonly ProposedLine[],
  { path, context, filesOnly }: { path: string; context: number; filesOnly: boolean },
): FoundLine[] | undefined {
  const isUtf16 = bytes[0] === 0xff ? bytes[1] === 0xfe : bytes[0] === 0xfe && bytes[1] === 0xff;
  if (isUtf16) return undefined;
  const marked = bytes.subarray(0, UTF8_MARK.length).equals(UTF8_MARK);
  const around = filesOnly ? 0 : context;
  const starts = startsOf(
    bytes,
    marked ? UTF8_MARK.length : 0,
    (proposed.at(-1)?.line ?? 0) + around,
  );
  const lineAt = (line: number): Buffer | undefined => {
    const [start, next] = [starts[line - 1], starts[line]];
    return start === undefined || next === undefined ? undefined : bytes.subarray(start, next - 1);
  };
  const matching = new Set<number>();
  for (const { line, bytes: said } of proposed) {
    const there = lineAt(line);
    if (there === undefined) continue;
    if (there.equals(said)) matching.add(line);
    else if (there.length > MAX_LINE) return undefined;
  }
  const shown = new Set<number>();
  for (const line of matching) {
    for (let at = line - around; at <= line + around; at += 1) {
      const there = lineAt(at);
      if (there !== undefined && there.length > MAX_LINE) return undefined;
      if (there !== undefined) shown.add(at);
    }
  }
  return [...shown].map((line) => ({
    path,
    line,
    text: (lineAt(line) ?? bytes).toString().replace(/\r$/, ''),
    context: !matching.has(line),
  }));
}

interface Candidate {
  path: string;
  /** Nothing where only the file is known. */
  lines: readonly ProposedLine[] | undefined;
}

async function propose(search: FolderSearch, top: Folder): Promise<Candidate[]> {
  const byPath = await proposeLines(search, top.path, search.mostProposed ?? MAX_PROPOSED);
  const candidates =
    byPath === undefined
      ? (await proposeFiles(search, top.path)).map((path) => ({ path, lines: undefined }))
      : [...byPath].map(([path, lines]) => ({ path, lines }));
  return candidates
    .map((candidate) => ({ key: toSortKey(candidate.path), candidate }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ candidate }) => candidate);
}

/** At least the first `needed` lines under `top`, when there are as many, in the order of their paths. */
export async function searchFolder(search: FolderSearch, top: Folder): Promise<FoundLine[]> {
  const { needed, signal } = search;
  const candidates = await propose(search, top);
  const turn = createTurns(signal);
  const cache = createFolderCache(top);
  const found: FoundLine[] = [];
  // Only where a descriptor has a path can ripgrep be given more than one.
  const mostOpen = top.path === top.real ? 1 : BATCH;
  try {
    for (let from = 0; from < candidates.length && found.length < needed; from += BATCH) {
      const batch = candidates.slice(from, from + BATCH);
      const answers = new Map<string, FoundLine[]>();
      const unsure: { path: string; fd: number }[] = [];
      let lines = found.length;
      try {
        for (const { path, lines: proposed } of batch) {
          if (lines >= needed) break;
          const fd = openFile(cache, path, search);
          if (fd === undefined) continue;
          const bytes = proposed === undefined ? undefined : readWhole(fd);
          const compared =
            bytes === undefined || proposed === undefined
              ? undefined
              : compareLines(bytes, proposed, { path, ...search });
          if (compared === undefined) unsure.push({ path, fd });
          else {
            closeSync(fd);
            answers.set(path, compared);
            lines += compared.length;
          }
          await turn();
        }
        for (let at = 0; at < unsure.length; at += mostOpen) {
          const files = unsure.slice(at, at + mostOpen);
          for (const line of await searchOpenFiles(search, files, needed)) {
            const known = answers.get(line.path);
            if (known === undefined) answers.set(line.path, [line]);
            else known.push(line);
          }
        }
      } finally {
        for (const { fd } of unsure) closeSync(fd);
      }
      for (const { path } of batch) found.push(...(answers.get(path) ?? []));
    }
  } finally {
    cache.close();
  }
  return found;
}
