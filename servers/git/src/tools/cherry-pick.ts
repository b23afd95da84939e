// `cherry_pick`: commits of elsewhere, once more here.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertPlainSteps, assertProgress, operationShape, runStep } from '../operations.ts';
import { assertFixedKept, resolveCommit, topOf } from '../repository.ts';

const MAX_COMMITS = 100;

export function cherryPick(deps: Deps): Tool {
  return defineTool({
    name: 'cherry_pick',
    title: 'Cherry-pick',
    description: 'Applies commits here, in order. Conflicts as for merge.',
    effect: 'destructive',
    aliases: { ...aliases, ref: 'refs', commits: 'refs' },
    input: z.strictObject({
      repo: repoText,
      action: z.enum(['start', 'continue', 'skip', 'abort']).default('start'),
      refs: z
        .array(refText)
        .refine((refs) => refs.length <= MAX_COMMITS, `more than ${MAX_COMMITS} commits`)
        .optional(),
    }),
    output: operationShape,
    run: ({ repo, action, refs = [] }, context) =>
      deps.withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        assertProgress(repository, action === 'start' ? undefined : 'cherry_pick');
        if (action !== 'start') {
          if (action !== 'abort') assertPlainSteps(repository);
          return runStep({ args: ['cherry-pick', `--${action}`], repository, deps });
        }
        if (refs.length === 0)
          throw new ToolError('Nothing says what to pick.', { allowed: 'refs' });
        const hashes: string[] = [];
        for (const ref of refs) hashes.push(await resolveCommit(repository, assertRevision(ref)));
        for (const hash of repository.fixed.length > 0 ? hashes : []) {
          await assertFixedKept(repository, `${hash}^`, hash);
        }
        return runStep({
          args: ['cherry-pick', '--keep-redundant-commits', '--no-gpg-sign', ...hashes],
          repository,
          deps,
        });
      }),
  });
}
