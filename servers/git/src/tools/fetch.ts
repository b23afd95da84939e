// `fetch`: what is new at a remote, without changing any branch here.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { assertRefName } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, nameText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { fetchRemote } from '../remotes.ts';
import { toTransferProgress } from '../transfer-progress.ts';

export function fetch({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'fetch',
    title: 'Fetch',
    description: 'Fetches the branches of a remote.',
    effect: 'idempotent',
    openWorld: true,
    aliases,
    input: z.strictObject({
      repo: repoText,
      remote: nameText.default('origin'),
      branch: nameText.optional(),
      prune: z.boolean().default(false),
    }),
    output: z.object({ changed: z.array(z.string()) }),
    run: ({ repo, remote, branch, prune }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        if (branch !== undefined) assertRefName(branch);
        const text = await fetchRemote(repository, {
          remote,
          branch,
          prune,
          onMessage: toTransferProgress(context),
        });
        return {
          output: { changed: text === '' ? [] : text.split('\n') },
          text: text === '' ? 'Nothing new.' : createFence().wrap(text),
        };
      }),
  });
}
