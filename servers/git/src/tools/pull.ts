// `pull`: a fetch, and then the branch goes on, is merged or rebased.
import { defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { aliases, nameText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertProgress, operationShape, runStep } from '../operations.ts';
import { fetchRemote, findFollowed } from '../remotes.ts';
import { assertFixedKept, resolveCommit, topOf } from '../repository.ts';
import { toTransferProgress } from '../transfer-progress.ts';

const steps = {
  ff: ['merge', '--quiet', '--ff-only', '--no-verify-signatures', '--no-autostash'],
  merge: ['merge', '--quiet', '--no-edit', '--no-verify', '--no-gpg-sign', '--no-autostash'],
  rebase: ['rebase', '--quiet', '--merge', '--no-verify', '--no-gpg-sign', '--no-autostash'],
} as const;

export function pull(deps: Deps): Tool {
  return defineTool({
    name: 'pull',
    title: 'Pull',
    description: 'Fetches what the branch follows, then fast-forwards, merges or rebases.',
    effect: 'destructive',
    openWorld: true,
    aliases,
    input: z.strictObject({
      repo: repoText,
      remote: nameText.optional(),
      branch: nameText.optional(),
      mode: z.enum(['ff', 'merge', 'rebase']).default('ff'),
    }),
    output: operationShape,
    run: ({ repo, remote, branch, mode }, context) =>
      deps.withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        assertProgress(repository, undefined);
        const followed = await findFollowed(repository, { remote, branch });
        await fetchRemote(repository, {
          remote: followed.remote,
          branch: followed.remoteBranch,
          onMessage: toTransferProgress(context),
        });
        const name = `${followed.remote}/${followed.remoteBranch}`;
        const hash = await resolveCommit(repository, `refs/remotes/${name}`);
        await assertFixedKept(repository, 'HEAD', hash);
        const message = mode === 'merge' ? ['-m', `Merge ${name}`] : [];
        return runStep({ args: [...steps[mode], ...message, hash], repository, deps });
      }),
  });
}
