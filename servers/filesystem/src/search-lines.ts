// Lines that ripgrep finds, in the order of their paths. Searching is parallel and therefore in no
// order, so up to a limit everything is gathered and sorted; beyond it, ripgrep sorts, on one thread,
// and stops when the page is full.
import type { CallContext } from '@drawbridge/kit';
import { createSplitter, type Ripgrep } from './ripgrep.ts';

/** Lines gathered before sorting is left to ripgrep. */
export const MOST_GATHERED = 20_000;
const NEWLINE = 10;
const NUL = 0;
const NUMBER = /^(\d+)([:-])/;

export interface FoundLine {
  path: string;
  /** 0 where only files are wanted. */
  line: number;
  text: string;
  /** A line around a match. */
  context: boolean;
}

export interface Search {
  pattern: string;
  /** ripgrep's, each one argument. */
  options: readonly string[];
  filesOnly: boolean;
  where: { cwd: string } | { stdin: number };
  /** Lines wanted, from the first. */
  needed: number;
  mostGathered?: number;
  ripgrep: Ripgrep;
  signal: AbortSignal;
  progress?: CallContext['progress'];
}

/** What to sort paths by, so that they come as ripgrep sorts them: `a/b` before `a-b`. */
const toSortKey = (path: string): string => path.replaceAll('/', '\0');

const gather = async (search: Search, sorted: boolean, most: number): Promise<FoundLine[]> => {
  const { pattern, options, filesOnly, where, ripgrep, signal, progress } = search;
  const found: FoundLine[] = [];
  const add = (path: string, line: number, text: string, context: boolean): boolean => {
    found.push({ path: path.replace(/^\.\//, ''), line, text, context });
    return found.length < most;
  };
  const takeFile = (record: Buffer): boolean => add(record.toString(), 0, '', false);
  const takeLine = (record: Buffer): boolean => {
    const end = record.indexOf(NUL);
    if (end < 0) return true;
    const rest = record.toString('utf8', end + 1);
    const [whole, line, mark] = NUMBER.exec(rest) ?? [];
    if (whole === undefined) return true;
    const text = rest.slice(whole.length).replace(/\r$/, '');
    return add(record.toString('utf8', 0, end), Number(line), text, mark === '-');
  };
  const splitter = filesOnly ? createSplitter(NUL, takeFile) : createSplitter(NEWLINE, takeLine);
  const form = ['--null', '--with-filename', '--line-number', '--no-heading', '--color=never'];
  await ripgrep(
    [
      ...form,
      ...(filesOnly ? ['--files-with-matches'] : []),
      ...(sorted ? ['--sort=path'] : []),
      ...options,
      '--',
      pattern,
      'cwd' in where ? './' : '-',
    ],
    { ...where, signal, ...(progress !== undefined && { progress }), take: splitter.take },
  );
  return found;
};

/** At least the first `needed` lines, when there are as many, in the order of their paths. */
export const searchLines = async (search: Search): Promise<FoundLine[]> => {
  const { needed, mostGathered = MOST_GATHERED } = search;
  const found = await gather(search, false, mostGathered);
  if (found.length >= mostGathered) return gather(search, true, needed);
  // Lines of one file come together and in order; only the files have to be put in order.
  const byPath = new Map<string, FoundLine[]>();
  for (const line of found) {
    const lines = byPath.get(line.path);
    if (lines === undefined) byPath.set(line.path, [line]);
    else lines.push(line);
  }
  return [...byPath]
    .map(([path, lines]) => ({ key: toSortKey(path), lines }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .flatMap(({ lines }) => lines);
};
