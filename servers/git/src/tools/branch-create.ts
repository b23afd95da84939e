// `branch_create`: a new branch, which is not checked out.
import { defineTool, type Tool } from '@drawbridge/kit';
import { assertRefName, assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, nameText, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { resolveCommit } from '../repository.ts';

export function branchCreate({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'branch_create',
    title: 'Create a branch',
    description: 'Makes a branch at `ref`, without checking it out.',
    effect: 'write',
    aliases,
    input: z.strictObject({ repo: repoText, name: nameText, ref: refText.default('HEAD') }),
    output: z.object({ name: z.string(), hash: z.string() }),
    run: ({ repo, name, ref }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        const hash = await resolveCommit(repository, assertRevision(ref));
        await repository.run(['branch', '--no-track', assertRefName(name), hash]);
        return { output: { name, hash }, text: `Made ${name} at ${hash}` };
      }),
  });
}
