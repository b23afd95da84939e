// Where a name stands as a name: the index says in which files it can, and these are parsed anew, so
// that every place is one of the file as it is. By name alone: what a name refers to is not resolved.
import type { CallContext } from '@drawbridge/kit';
import type { PathGuard } from '@drawbridge/paths';
import { inScope, showIn, type Deps, type Scope } from './deps.ts';
import { languageNamed } from './languages.ts';
import { ParseFailure } from './parser-pool.ts';
import type { ParsedOccurrences } from './parse-task.ts';
import { mapFew, readIndexed } from './source-files.ts';
import type { FileRow } from './store-queries.ts';

export interface CandidateFile {
  scope: Scope;
  file: FileRow;
  /** As callers see it. */
  path: string;
}

const MAX_CHUNKS = 50_000;

/** Parsed files in which the name stands somewhere, by their paths. */
export async function findCandidates(
  scopes: readonly Scope[],
  guard: PathGuard,
  { name, family }: { name: string; family?: string | undefined },
): Promise<CandidateFile[]> {
  const found: CandidateFile[] = [];
  for (const scope of scopes) {
    const files = await scope.index.use((store) =>
      store.filesWith(name, MAX_CHUNKS).flatMap((id) => store.fileById(id) ?? []),
    );
    for (const file of files) {
      const sameFamily = family === undefined || languageNamed(file.language)?.family === family;
      if (file.state !== 'indexed' || !sameFamily || !inScope(scope, file.path)) continue;
      found.push({ scope, file, path: showIn(scope, guard, file.path) });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export interface FileOccurrences extends ParsedOccurrences {
  candidate: CandidateFile;
}

/** Nothing for a file that cannot be read or parsed now. */
export function parseOccurrences(
  { pool }: Deps,
  candidates: readonly CandidateFile[],
  { guard, name, signal }: { guard: PathGuard; name: string; signal: CallContext['signal'] },
): Promise<(FileOccurrences | undefined)[]> {
  return mapFew(candidates, pool.size * 2, async (candidate) => {
    const { scope, file } = candidate;
    const text = await readIndexed(guard, scope, file.path);
    if (text === undefined) return undefined;
    try {
      const task = { kind: 'occurrences', language: file.language, text, name } as const;
      return { candidate, ...(await pool.run(task, signal)) };
    } catch (error) {
      if (error instanceof ParseFailure) return undefined;
      throw error;
    }
  });
}
