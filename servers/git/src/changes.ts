// Differences between two trees: first which files, by one quick run of git, then the text of those that
// fit in a page. A diff of any size is read page by page, and a long file's in pieces.
import { countFitting, fromCursor, toCursor, PAGE_BYTES } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import type { OpenRepository } from './deps.ts';

export const CHANGE_FIELDS = 'path, from, status (A M D R C T U), additions, deletions, text';

export interface Change {
  path: string;
  from?: string;
  status: string;
  additions?: number;
  deletions?: number;
  text?: string;
}

interface FoundChange {
  path: string;
  from: string | undefined;
  status: string;
  /** Nothing for binary files. */
  lines: { additions: number; deletions: number } | undefined;
}

/** Never another program, whatever the repository says. */
export const PLAIN_DIFF = [
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--ignore-submodules=dirty',
];
const MAX_FILES_IN_PAGE = 100;
/** Lines of changes after which no further file is put into a page. */
const MAX_LINES_IN_PAGE = 4_000;
const MAX_PATCH_BYTES = 16 * 1024 * 1024;
const FILE_BYTES = PAGE_BYTES / 2;

/** Reads `git diff --raw --numstat -z`. */
export function parseChanges(output: string): FoundChange[] {
  const parts = output.split('\0');
  const changes = new Map<string, FoundChange>();
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    if (part.startsWith(':')) {
      const status = part.split(' ')[4]?.slice(0, 1) ?? 'M';
      const isPair = status === 'R' || status === 'C';
      const from = isPair ? parts[at + 1] : undefined;
      at += isPair ? 2 : 1;
      const path = parts[at] ?? '';
      // A file in conflict comes twice.
      if (!changes.has(path)) changes.set(path, { path, from, status, lines: undefined });
      continue;
    }
    const [, added, deleted, named] = /^(\d+|-)\t(\d+|-)\t([^]*)$/.exec(part) ?? [];
    if (added === undefined || deleted === undefined || named === undefined) continue;
    if (named === '') at += 2;
    const found = changes.get(named === '' ? (parts[at] ?? '') : named);
    if (found === undefined || added === '-') continue;
    found.lines = { additions: Number(added), deletions: Number(deleted) };
  }
  return [...changes.values()];
}

/** Splits a patch at its files; a line of content never begins so. */
function splitPatch(patch: string): string[] {
  return patch
    .split(/^(?=diff --(?:git|cc|combined) )/m)
    .filter((piece) => piece.startsWith('diff '));
}

async function readPatches(
  repository: OpenRepository,
  range: readonly string[],
  files: readonly FoundChange[],
): Promise<Map<string, string>> {
  const plain = files.filter(({ status }) => status !== 'U');
  const patchOf = async (wanted: readonly FoundChange[]): Promise<string[]> => {
    const paths = wanted.flatMap(({ path, from }) => (from === undefined ? [path] : [from, path]));
    const { stdout } = await repository.run(
      ['diff', '--patch', ...PLAIN_DIFF, ...range, '--', ...paths],
      { maxBytes: MAX_PATCH_BYTES, cut: true },
    );
    return splitPatch(stdout.toString());
  };
  if (plain.length === 0) return new Map();
  const pieces = await patchOf(plain);
  if (pieces.length === plain.length) {
    return new Map(plain.map(({ path }, index) => [path, pieces[index] ?? '']));
  }
  // A copy whose source changed too, or a patch over the limit: one by one, which tells them apart.
  const texts = new Map<string, string>();
  for (const file of plain) texts.set(file.path, (await patchOf([file])).at(-1) ?? '');
  return texts;
}

export interface ChangesOptions {
  /** What git diff is told to compare. */
  range: readonly string[];
  pathspecs: readonly string[];
  cursor: string | undefined;
  /** The arguments that the listing depends on. */
  scope: unknown;
}

export interface Changes {
  files: Change[];
  total: number;
  next: string | undefined;
}

function toChange({ path, from, status, lines }: FoundChange): Change {
  return {
    path: toShown(path),
    ...(from !== undefined && { from: toShown(from) }),
    status,
    ...lines,
  };
}

function countPageFiles(files: readonly FoundChange[]): number {
  let lines = 0;
  const over = files.findIndex((file) => {
    const { additions = 0, deletions = 0 } = file.lines ?? {};
    return (lines += additions + deletions) > MAX_LINES_IN_PAGE;
  });
  const fitting = over < 0 ? files.length : Math.max(over, 1);
  return Math.min(fitting, MAX_FILES_IN_PAGE);
}

export async function readChanges(
  repository: OpenRepository,
  { range, pathspecs, cursor, scope }: ChangesOptions,
): Promise<Changes> {
  const listing = await repository.text([
    'diff',
    '--raw',
    '--numstat',
    '-z',
    '--no-abbrev',
    ...PLAIN_DIFF,
    ...range,
    '--',
    ...pathspecs,
  ]);
  const all = parseChanges(listing);
  const [from = 0, offset = 0] = fromCursor(cursor, scope, [0, 0]);
  const rest = all.slice(from);
  const wanted = rest.slice(0, countPageFiles(rest));
  const patches = await readPatches(repository, range, wanted);
  let cut: number | undefined;
  const files = wanted.map((found, index): Change => {
    const patch = patches.get(found.path) ?? '';
    const start = index === 0 ? offset : 0;
    const text = patch.slice(start, start + FILE_BYTES);
    if (start + text.length < patch.length) cut ??= index;
    return text === '' ? toChange(found) : { ...toChange(found), text };
  });
  // A file that is cut ends its page, so that the cursor goes on in it.
  const upTo = cut === undefined ? files : files.slice(0, cut + 1);
  const fitting = upTo.slice(
    0,
    countFitting(upTo, ({ text = '', path }) => Buffer.byteLength(text) + path.length + 80),
  );
  const done = from + fitting.length;
  const last = fitting.at(-1)?.text?.length ?? 0;
  const isCut = cut !== undefined && fitting.length === cut + 1;
  const next = isCut
    ? toCursor([done - 1, (fitting.length === 1 ? offset : 0) + last], scope)
    : done < all.length
      ? toCursor([done, 0], scope)
      : undefined;
  return { files: fitting, total: all.length, next };
}

/** As a reader sees it. */
export function toChangesText(files: readonly Change[]): string {
  return files
    .map(({ path, from, status, additions, deletions, text }) => {
      const lines =
        additions === undefined ? 'binary or not compared' : `+${additions} -${deletions}`;
      const head = `${status} ${from === undefined ? '' : `${from} -> `}${path} (${lines})`;
      return text === undefined ? head : `${head}\n${text}`;
    })
    .join('\n');
}
