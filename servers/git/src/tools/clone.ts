// `clone`: a repository from elsewhere, in a new folder. Its files are checked out afterwards, as
// everything is in a repository that is not trusted.
import { dirname } from 'node:path';
import { defineTool, type Tool } from '@drawbridge/kit';
import { assertRefName, parseRemoteUrl } from '@drawbridge/git-runner';
import { z } from 'zod';
import { nameText, pathText, urlText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { headShape, readHead, toHeadText } from '../head.ts';
import { withNewFolder } from '../new-folder.ts';
import { toTransferProgress } from '../transfer-progress.ts';

export function clone(deps: Deps): Tool {
  const { withGuard, withRepository, runner } = deps;
  return defineTool({
    name: 'clone',
    title: 'Clone',
    description: 'Clones into a new folder, without submodules.',
    effect: 'write',
    openWorld: true,
    aliases: { repo: 'path', repository: 'url', remote: 'url', directory: 'path' },
    input: z.strictObject({
      url: urlText,
      path: pathText,
      branch: nameText.optional(),
      depth: z.int().min(1).optional(),
    }),
    output: z.object({ path: z.string(), ...headShape }),
    run: ({ url, path, branch, depth }, context) =>
      withGuard(context, (guard) => {
        const remote = parseRemoteUrl(url);
        return withNewFolder(guard, path, async (folder) => {
          await runner.runIn(
            folder,
            [
              'clone',
              '--no-checkout',
              '--no-recurse-submodules',
              '--no-local',
              '--template=',
              '--origin=origin',
              '--progress',
              ...(branch === undefined ? [] : [`--branch=${assertRefName(branch)}`]),
              ...(depth === undefined ? [] : [`--depth=${depth}`]),
              '--end-of-options',
              remote.url,
              '.',
            ],
            {
              signal: context.signal,
              remote: remote.url,
              env: { GIT_CEILING_DIRECTORIES: dirname(folder) },
              onMessage: toTransferProgress(context),
            },
          );
          return withRepository({ repo: folder, effect: 'write', context }, async (repository) => {
            const head = await readHead(repository);
            if (head.head !== undefined) {
              await repository.run(['reset', '--quiet', '--hard', '--no-recurse-submodules']);
            }
            const shown = guard.show(folder);
            return {
              output: { path: shown, ...head },
              text: `Cloned to ${shown}. ${toHeadText(head)}`,
            };
          });
        });
      }),
  });
}
