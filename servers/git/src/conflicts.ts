// Conflicts as data: which files, what kind, and the two or three sides of each place.
import { readAt, toShown } from '@drawbridge/paths';
import { join } from 'node:path';
import { ToolError, PAGE_BYTES } from '@drawbridge/kit';
import type { OpenRepository } from './deps.ts';
import { topOf } from './repository.ts';
import { rowsOf } from './shapes.ts';

export const conflictRows = rowsOf('path, kind, hunks');

interface Hunk {
  line: number;
  ours: string;
  base?: string;
  theirs: string;
}

export interface Conflict {
  path: string;
  kind: string;
  hunks?: Hunk[];
}

const MAX_FILES = 100;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_SIDE = 8_000;

/** By the stages that the index has of a file: 1 base, 2 ours, 3 theirs (git-ls-files(1)). */
const kinds: Readonly<Record<string, string>> = {
  '123': 'both_changed',
  '12': 'deleted_by_theirs',
  '13': 'deleted_by_ours',
  '23': 'both_added',
  '1': 'both_deleted',
  '2': 'added_by_ours',
  '3': 'added_by_theirs',
};

/** Reads the markers that git wrote (merge.conflictStyle diff3). */
export function parseHunks(text: string): Hunk[] {
  const hunks: Hunk[] = [];
  let open: { line: number; ours: string[]; base?: string[]; theirs: string[] } | undefined;
  let side: 'ours' | 'base' | 'theirs' = 'ours';
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('<<<<<<< ')) {
      [open, side] = [{ line: index + 1, ours: [], theirs: [] }, 'ours'];
    } else if (open !== undefined && /^\|{7}(?: |$)/.test(line)) {
      [open.base, side] = [[], 'base'];
    } else if (open !== undefined && line === '=======') side = 'theirs';
    else if (open !== undefined && line.startsWith('>>>>>>> ')) {
      const cut = (lines: readonly string[]): string => lines.join('\n').slice(0, MAX_SIDE);
      hunks.push({
        line: open.line,
        ours: cut(open.ours),
        ...(open.base !== undefined && { base: cut(open.base) }),
        theirs: cut(open.theirs),
      });
      open = undefined;
    } else open?.[side]?.push(line);
  }
  return hunks;
}

/** A file of the work tree, or as much of it as is read; nothing when it is none. */
export async function readWorkFile(
  repository: OpenRepository,
  path: string,
): Promise<string | undefined> {
  try {
    return await repository.guard.withPlace(
      join(topOf(repository), path),
      { follow: false },
      async ({ folder, name }) => {
        const file = await folder.openFile(name);
        try {
          return (await readAt(file, 0, MAX_FILE_BYTES)).toString();
        } finally {
          await file.close();
        }
      },
    );
  } catch (error) {
    // One side deleted it, or it is no file.
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

export async function readConflicts(repository: OpenRepository): Promise<Conflict[]> {
  const output = await repository.text(['ls-files', '--unmerged', '-z']);
  const stages = new Map<string, string>();
  for (const record of output.split('\0')) {
    const [, stage, path] = /^\d+ [0-9a-f]+ ([123])\t([^]+)$/.exec(record) ?? [];
    if (stage !== undefined && path !== undefined) {
      stages.set(path, `${stages.get(path) ?? ''}${stage}`);
    }
  }
  const conflicts: Conflict[] = [];
  let bytes = 0;
  for (const [path, seen] of [...stages].slice(0, MAX_FILES)) {
    const text = bytes < PAGE_BYTES ? await readWorkFile(repository, path) : undefined;
    const hunks = parseHunks(text ?? '');
    bytes += JSON.stringify(hunks).length;
    conflicts.push({
      path: toShown(path),
      kind: kinds[seen] ?? 'unknown',
      ...(hunks.length > 0 && bytes < PAGE_BYTES && { hunks }),
    });
  }
  return conflicts;
}

/** As a reader sees it. */
export function toConflictsText(conflicts: readonly Conflict[]): string {
  return conflicts
    .map(({ path, kind, hunks = [] }) => {
      const sides = hunks.map(({ line, ours, base, theirs }) =>
        [
          `line ${line}, ours:`,
          ours,
          ...(base === undefined ? [] : ['base:', base]),
          'theirs:',
          theirs,
        ].join('\n'),
      );
      return [`${path} (${kind})`, ...sides].join('\n');
    })
    .join('\n');
}
