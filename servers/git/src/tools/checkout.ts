// `checkout`: another branch or commit in the work tree, or files as they were.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRefName, assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, nameText, pathList, refText, repoText } from '../arguments.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { headShape, readHead, toHeadText } from '../head.ts';
import { setTracking } from '../own-config.ts';
import { assertFixedKept, resolveCommit, topOf, toPathspecs } from '../repository.ts';

async function exists(repository: OpenRepository, ref: string): Promise<boolean> {
  const { code } = await repository.run(['show-ref', '--verify', '--quiet', '--', ref], {
    answers: [1, 128],
  });
  return code === 0;
}

/** The one remote that has a branch of that name, when there is no local one. */
async function findRemote(repository: OpenRepository, branch: string): Promise<string | undefined> {
  const remotes = repository.settings.flatMap(
    ({ key }) => /^remote\.(.+)\.url$/.exec(key)?.[1] ?? [],
  );
  const having: string[] = [];
  for (const remote of new Set(remotes)) {
    if (await exists(repository, `refs/remotes/${remote}/${branch}`)) having.push(remote);
  }
  return having.length === 1 ? having[0] : undefined;
}

async function restore(repository: OpenRepository, ref: string | undefined, paths: string[]) {
  const from = ref === undefined ? [] : [await resolveCommit(repository, assertRevision(ref))];
  if (repository.fixed.length > 0) await assertFixedKept(repository, from[0] ?? 'HEAD');
  await repository.run(['checkout', '--no-recurse-submodules', ...from, '--', ...paths]);
}

/** Moves HEAD. A branch that only a remote has is made here, and follows that one. */
async function move(repository: OpenRepository, ref: string): Promise<void> {
  const isBranch = await exists(repository, `refs/heads/${ref}`);
  const remote = isBranch ? undefined : await findRemote(repository, ref);
  const start = remote === undefined ? ref : `refs/remotes/${remote}/${ref}`;
  const hash = await resolveCommit(repository, start);
  await assertFixedKept(repository, 'HEAD', hash);
  if (remote !== undefined) {
    await repository.run(['checkout', '--no-track', '-b', assertRefName(ref), hash, '--']);
    await setTracking(repository, { branch: ref, remote, remoteBranch: ref });
  } else if (isBranch) await repository.run(['checkout', '--no-guess', ref, '--']);
  else await repository.run(['checkout', '--detach', hash, '--']);
}

export function checkout({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'checkout',
    title: 'Check out',
    description:
      'Checks out `ref`, or makes branch `create` at it. With `paths`, restores those files from `ref` or the index.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      ref: refText.optional(),
      create: nameText.optional(),
      paths: pathList.optional(),
    }),
    output: z.object(headShape),
    run: ({ repo, ref, create, paths = [] }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        if (paths.length > 0) await restore(repository, ref, toPathspecs(repository, paths));
        else if (create !== undefined) {
          const name = assertRefName(create);
          const before = await readHead(repository);
          // A branch that has no commit yet is renamed by it.
          const start =
            ref === undefined && before.head === undefined
              ? []
              : [await resolveCommit(repository, assertRevision(ref ?? 'HEAD'))];
          if (start[0] !== undefined) await assertFixedKept(repository, 'HEAD', start[0]);
          await repository.run(['checkout', '--no-track', '-b', name, ...start, '--']);
        } else if (ref === undefined) {
          throw new ToolError('Nothing says what to check out.', {
            allowed: 'ref, create or paths',
          });
        } else await move(repository, assertRevision(ref));
        const head = await readHead(repository);
        return { output: head, text: toHeadText(head) };
      }),
  });
}
