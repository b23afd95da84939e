// `merge`: another branch into this one.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRevision, assertText } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, messageText, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertProgress, operationShape, runStep } from '../operations.ts';
import { assertFixedKept, resolveCommit, topOf } from '../repository.ts';

export function merge(deps: Deps): Tool {
  return defineTool({
    name: 'merge',
    title: 'Merge',
    description: 'Merges `ref`. Conflicts are answered; edit, add, then continue or abort.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      action: z.enum(['start', 'continue', 'abort']).default('start'),
      ref: refText.optional(),
      message: messageText.optional(),
      ff: z.enum(['only', 'no']).optional(),
    }),
    output: operationShape,
    run: ({ repo, action, ref, message, ff }, context) =>
      deps.withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        assertProgress(repository, action === 'start' ? undefined : 'merge');
        if (action !== 'start') {
          return runStep({ args: ['merge', `--${action}`], repository, deps });
        }
        if (ref === undefined)
          throw new ToolError('Nothing says what to merge.', { allowed: 'ref' });
        const hash = await resolveCommit(repository, assertRevision(ref));
        await assertFixedKept(repository, 'HEAD', hash);
        // By name, as the message should say.
        const text = message ?? `Merge ${ref}`;
        return runStep({
          args: [
            'merge',
            '--quiet',
            '--no-edit',
            '--no-verify',
            '--no-gpg-sign',
            '--no-verify-signatures',
            '--no-autostash',
            ...(ff === undefined ? [] : [ff === 'only' ? '--ff-only' : '--no-ff']),
            '-m',
            assertText(text, 'message'),
            hash,
          ],
          repository,
          deps,
        });
      }),
  });
}
