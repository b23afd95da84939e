// `rebase`: the commits of this branch on top of another.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertPlainSteps, assertProgress, operationShape, runStep } from '../operations.ts';
import { assertFixedKept, resolveCommit, topOf } from '../repository.ts';

export function rebase(deps: Deps): Tool {
  return defineTool({
    name: 'rebase',
    title: 'Rebase',
    description: 'Puts this branch on top of `ref`. Conflicts as for merge.',
    effect: 'destructive',
    aliases: { ...aliases, onto: 'ref', upstream: 'ref' },
    input: z.strictObject({
      repo: repoText,
      action: z.enum(['start', 'continue', 'skip', 'abort']).default('start'),
      ref: refText.optional(),
    }),
    output: operationShape,
    run: ({ repo, action, ref }, context) =>
      deps.withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        assertProgress(repository, action === 'start' ? undefined : 'rebase');
        if (action !== 'start') {
          if (action !== 'abort') assertPlainSteps(repository);
          return runStep({ args: ['rebase', `--${action}`], repository, deps });
        }
        if (ref === undefined) throw new ToolError('Nothing says onto what.', { allowed: 'ref' });
        const hash = await resolveCommit(repository, assertRevision(ref));
        await assertFixedKept(repository, 'HEAD', hash);
        return runStep({
          args: [
            'rebase',
            '--quiet',
            '--merge',
            '--no-verify',
            '--no-gpg-sign',
            '--no-autostash',
            hash,
          ],
          repository,
          deps,
        });
      }),
  });
}
