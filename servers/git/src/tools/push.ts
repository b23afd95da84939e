// `push`: a branch or tag to a remote. What is there is replaced only if it is what was fetched last.
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRefName } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, nameText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { readHead } from '../head.ts';
import { setTracking } from '../own-config.ts';
import { findFollowed, findRemote } from '../remotes.ts';
import { resolveCommit } from '../repository.ts';
import { toTransferProgress } from '../transfer-progress.ts';

/** Reads `git push --porcelain` (git-push(1)). */
function parsePush(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /^[ +\-*=!]\t/.test(line))
    .map((line) => line.slice(2).replaceAll('\t', ' '));
}

export function push({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'push',
    title: 'Push',
    description: 'Pushes a branch or tag. `force_with_lease` replaces what was fetched last.',
    effect: 'destructive',
    openWorld: true,
    aliases: { ...aliases, force: 'force_with_lease' },
    input: z.strictObject({
      repo: repoText,
      remote: nameText.optional(),
      branch: nameText.optional(),
      tag: nameText.optional(),
      force_with_lease: z.boolean().default(false),
      set_upstream: z.boolean().default(false),
    }),
    output: z.object({ remote: z.string(), pushed: z.array(z.string()) }),
    run: ({ repo, remote, branch, tag, force_with_lease: force, set_upstream: follow }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        const followed =
          tag === undefined
            ? await findFollowed(repository, { remote, branch })
            : { remote: remote ?? 'origin', remoteBranch: '' };
        const { name, url, pushUrl } = findRemote(repository, followed.remote);
        const local = branch ?? (await readHead(repository)).branch;
        if (tag === undefined && local === undefined) {
          throw new ToolError('HEAD is detached, so nothing says which branch.', {
            allowed: 'branch',
          });
        }
        const [from, to] =
          tag === undefined
            ? [`refs/heads/${assertRefName(local ?? '')}`, `refs/heads/${followed.remoteBranch}`]
            : [`refs/tags/${assertRefName(tag)}`, `refs/tags/${tag}`];
        await resolveCommit(repository, from);
        const lease = force
          ? [
              `--force-with-lease=${to}:${await resolveCommit(repository, `refs/remotes/${name}/${followed.remoteBranch}`)}`,
            ]
          : [];
        const { stdout } = await repository.run(
          [
            'push',
            '--porcelain',
            '--progress',
            '--no-verify',
            '--no-signed',
            '--recurse-submodules=no',
            ...lease,
            '--end-of-options',
            name,
            `${from}:${to}`,
          ],
          { remote: pushUrl ?? url, onMessage: toTransferProgress(context) },
        );
        const pushed = parsePush(stdout.toString());
        if (follow && tag === undefined && local !== undefined) {
          const { remoteBranch } = followed;
          await setTracking(repository, { branch: local, remote: name, remoteBranch });
        }
        return {
          output: { remote: name, pushed },
          text: createFence().wrap(pushed.join('\n')),
        };
      }),
  });
}
