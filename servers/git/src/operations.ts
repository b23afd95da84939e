// Merges, rebases and picks: each may stop in a conflict, which is an answer and no failure, and is
// then continued or aborted.
import { join } from 'node:path';
import { createFence, ToolError, type ToolAnswer } from '@drawbridge/kit';
import { readSmallFile } from '@drawbridge/git-runner';
import { z } from 'zod';
import { conflictRows, readConflicts, toConflictsText } from './conflicts.ts';
import type { Deps, OpenRepository } from './deps.ts';
import { headShape, readHead, toHeadText, toIdentityEnvironment } from './head.ts';
import { findProgress } from './progress.ts';

export const operationShape = z.object({
  ...headShape,
  conflicts: conflictRows.optional(),
});
type Outcome = ToolAnswer<z.input<typeof operationShape>>;

const HOW_TO_GO_ON =
  'Edit the files, add them, then call again with action "continue"; or with "abort".';
const MAX_TODO = 4 * 1024 * 1024;
/** Steps that run no program; `exec` would (git-rebase(1)). */
const PLAIN_STEP =
  /^(?:#.*|\s*|(?:pick|p|revert|reword|r|edit|e|squash|s|fixup|f|drop|d|label|l|reset|t|update-ref|u)\s.*|break|b|noop)$/;

/**
 * Throws when what was begun here, perhaps by whoever made the repository, has steps that run programs.
 */
export function assertPlainSteps({ gitFolder }: Pick<OpenRepository, 'gitFolder'>): void {
  for (const name of ['rebase-merge/git-rebase-todo', 'sequencer/todo']) {
    const text = readSmallFile(join(gitFolder, name), MAX_TODO)?.toString() ?? '';
    const wrong = text.split('\n').find((line) => !PLAIN_STEP.test(line));
    if (wrong === undefined) continue;
    throw new ToolError(
      `The steps that are left include one that is not run here: ${JSON.stringify(wrong.slice(0, 100))}.`,
      {
        hint: 'action "abort"',
      },
    );
  }
  const strategy = readSmallFile(join(gitFolder, 'rebase-merge/strategy'), 4_096)
    ?.toString()
    .trim();
  if (strategy !== undefined && !['', 'ort', 'recursive'].includes(strategy)) {
    throw new ToolError('What is in progress uses a merge strategy that is not run here.', {
      hint: 'action "abort"',
    });
  }
  if (readSmallFile(join(gitFolder, 'rebase-apply/next'), 4_096) !== undefined) {
    throw new ToolError('What is in progress was begun in a way that is not continued here.', {
      hint: 'the git that began it',
    });
  }
}

/** Throws unless `what` is in progress, or unless nothing is when `what` is undefined. */
export function assertProgress(
  { gitFolder }: Pick<OpenRepository, 'gitFolder'>,
  what: ReturnType<typeof findProgress>,
): void {
  const now = findProgress(gitFolder);
  if (now === what) return;
  if (what === undefined) {
    throw new ToolError(`A ${now} is in progress.`, { hint: 'its action "continue" or "abort"' });
  }
  throw new ToolError(`No ${what} is in progress.`, { hint: 'status' });
}

export interface StepOptions {
  /** Of git, with what it is told. */
  args: readonly string[];
  repository: OpenRepository;
  deps: Pick<Deps, 'identity'>;
  env?: Readonly<Record<string, string>>;
}

/** Runs a step; a conflict in which it stops is the answer. */
export async function runStep({ args, repository, deps, env }: StepOptions): Promise<Outcome> {
  try {
    await repository.run(args, { env: { ...toIdentityEnvironment(repository, deps), ...env } });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const conflicts = await readConflicts(repository);
    if (conflicts.length === 0) throw error;
    const head = await readHead(repository);
    return {
      output: { ...head, conflicts },
      text: `Stopped: ${conflicts.length} files in conflict.\n${createFence().wrap(toConflictsText(conflicts))}\n${HOW_TO_GO_ON}`,
    };
  }
  const head = await readHead(repository);
  return { output: head, text: `Done. ${toHeadText(head)}` };
}
