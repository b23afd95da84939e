// `reset`: moves the branch, or takes files out of the index.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, pathList, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { headShape, readHead, toHeadText } from '../head.ts';
import { assertFixedKept, resolveCommit, topOf, toPathspecs } from '../repository.ts';

export function reset({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'reset',
    title: 'Reset',
    description: 'Moves the branch to `ref`; hard loses changes. With `paths`, unstages those.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      ref: refText.default('HEAD'),
      mode: z.enum(['soft', 'mixed', 'hard']).default('mixed'),
      paths: pathList.optional(),
    }),
    output: z.object(headShape),
    run: ({ repo, ref, mode, paths = [] }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        const hash = await resolveCommit(repository, assertRevision(ref));
        if (paths.length > 0 && mode !== 'mixed') {
          throw new ToolError('With paths, the mode is mixed.', {
            hint: 'checkout, to restore files',
          });
        }
        if (mode === 'hard') await assertFixedKept(repository, hash);
        await (paths.length > 0
          ? repository.run(['reset', '--quiet', hash, '--', ...toPathspecs(repository, paths)])
          : repository.run(['reset', '--quiet', `--${mode}`, '--no-recurse-submodules', hash]));
        const head = await readHead(repository);
        return { output: head, text: toHeadText(head) };
      }),
  });
}
