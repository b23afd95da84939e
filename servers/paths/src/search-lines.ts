// Lines that ripgrep finds. In a folder it walks by path, so what it finds there is only a proposal
// (verified-lines.ts); in files that were opened for it, it is an answer.
import type { CallContext } from '@drawbridge/kit';
import { tooMany } from './listing.ts';
import { createSplitter, type Ripgrep } from './ripgrep.ts';

export interface Search {
  pattern: string;
  /** How to compare; ripgrep's, each one argument. */
  options: readonly string[];
  /** Where to look; ripgrep's as well. */
  walk: readonly string[];
  /** Lines around a match. */
  context: number;
  /** Whether the first match of each file is enough. */
  filesOnly: boolean;
  /** Lines wanted, from the first. */
  needed: number;
  ripgrep: Ripgrep;
  signal: AbortSignal;
  /** When the call began, which has one time limit for all that it runs. */
  begun: number;
  progress?: CallContext['progress'];
}

export interface ProposedLine {
  line: number;
  /** As it is in the file, without its end; cut when it is longer than {@link MAX_LINE}. */
  bytes: Buffer;
}

export interface FoundLine {
  path: string;
  line: number;
  text: string;
  /** A line around a match. */
  context: boolean;
}

/** Bytes of one line that ripgrep shows whole. */
export const MAX_LINE = 500;
const MAX_PATH_BYTES = 64 * 1024 * 1024;
const NEWLINE = 10;
const NUL = 0;
const NUMBER = /^(\d+)([:-])/;
/** Digits and mark in front of a line's text. */
const MAX_NUMBER_BYTES = 24;

interface Record {
  path: string;
  line: number;
  mark: string;
  bytes: Buffer;
}

/** Reads `path NUL number mark text NEWLINE`; a path may have newlines in it. */
function createLineReader(each: (record: Record) => boolean): (piece: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let from = 0;
    for (;;) {
      const nul = bytes.indexOf(NUL, from);
      const end = nul < 0 ? -1 : bytes.indexOf(NEWLINE, nul + 1);
      if (end < 0) break;
      // In front of a path there may be notes about binary files, on lines of their own.
      const path =
        bytes
          .toString('utf8', from, nul)
          .split(/\n(?=\.\/|\/proc\/)/)
          .at(-1) ?? '';
      const head = bytes.toString('latin1', nul + 1, Math.min(end, nul + 1 + MAX_NUMBER_BYTES));
      const [whole, line, mark = ':'] = NUMBER.exec(head) ?? [];
      from = end + 1;
      if (whole === undefined) continue;
      const text = bytes.subarray(nul + 1 + whole.length, end);
      if (!each({ path, line: Number(line), mark, bytes: text })) return false;
    }
    rest = bytes.subarray(from);
    return true;
  };
}

const FORM = ['--null', '--with-filename', '--line-number', '--no-heading', '--color=never'];
const SHORT_LINES = [`--max-columns=${MAX_LINE}`, '--max-columns-preview'];

function withoutDot(path: string): string {
  return path.replace(/^\.\//, '');
}

/** Lines under the folder `cwd`, by path, in no order of paths; nothing when there are `most` or more. */
export async function proposeLines(
  search: Search,
  cwd: string,
  most: number,
): Promise<Map<string, ProposedLine[]> | undefined> {
  const { pattern, options, walk, filesOnly, ripgrep, signal, begun, progress } = search;
  const found = new Map<string, ProposedLine[]>();
  let count = 0;
  const take = createLineReader(({ path, line, bytes }) => {
    const lines = found.get(path);
    if (lines === undefined) found.set(path, [{ line, bytes }]);
    else lines.push({ line, bytes });
    return (count += 1) < most;
  });
  const first = filesOnly ? ['--max-count=1'] : [];
  await ripgrep([...FORM, ...SHORT_LINES, ...first, ...options, ...walk, '--', pattern, './'], {
    cwd,
    signal,
    begun,
    ...(progress !== undefined && { progress }),
    take,
  });
  if (count >= most) return undefined;
  return new Map([...found].map(([path, lines]) => [withoutDot(path), lines]));
}

/** Files under the folder `cwd` that have a match, in no order. */
export async function proposeFiles(search: Search, cwd: string): Promise<string[]> {
  const { pattern, options, walk, ripgrep, signal, begun, progress } = search;
  const found: string[] = [];
  let bytes = 0;
  const { take } = createSplitter(NUL, (record) => {
    if ((bytes += record.length) > MAX_PATH_BYTES) throw tooMany();
    return found.push(withoutDot(record.toString())) > 0;
  });
  await ripgrep(['--null', '--files-with-matches', ...options, ...walk, '--', pattern, './'], {
    cwd,
    signal,
    begun,
    ...(progress !== undefined && { progress }),
    take,
  });
  return found;
}

/** Lines of open files, in their order, up to `needed` in all. The files are searched themselves. */
export async function searchOpenFiles(
  search: Search,
  files: readonly { path: string; fd: number }[],
  needed: number,
): Promise<FoundLine[]> {
  const { pattern, options, context, filesOnly, ripgrep, signal, begun, progress } = search;
  // Descriptors of the child follow its three standard ones.
  const single = files.length === 1 ? files[0] : undefined;
  const paths =
    single === undefined ? files.map((_, index) => `/proc/self/fd/${index + 3}`) : ['-'];
  const byPath = new Map(files.map(({ path }, index) => [paths[index] ?? '', path]));
  const found: FoundLine[] = [];
  const take = createLineReader(({ path, line, mark, bytes }) => {
    found.push({
      path: single?.path ?? byPath.get(path) ?? '',
      line,
      text: bytes.toString().replace(/\r$/, ''),
      context: mark === '-',
    });
    return found.length < needed;
  });
  const more = filesOnly ? ['--max-count=1'] : [`--context=${context}`];
  await ripgrep(
    [
      ...FORM,
      ...SHORT_LINES,
      ...more,
      ...options,
      '--threads=1',
      '--no-mmap',
      '--',
      pattern,
      ...paths,
    ],
    {
      ...(single === undefined ? { descriptors: files.map(({ fd }) => fd) } : { stdin: single.fd }),
      signal,
      begun,
      ...(progress !== undefined && { progress }),
      take,
    },
  );
  return found;
}
