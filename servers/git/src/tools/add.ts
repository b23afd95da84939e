// `add`: stages changes.
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { aliases, pathList, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertNoFilter } from '../filters.ts';
import { topOf, toPathspecs } from '../repository.ts';

const MAX_SHOWN = 200;

export function add({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'add',
    title: 'Stage',
    description: 'Stages what changed at the paths, deletions too.',
    effect: 'idempotent',
    aliases: { ...aliases, files: 'paths' },
    input: z.strictObject({ repo: repoText, paths: pathList }),
    output: z.object({ staged: z.array(z.string()), total: z.int() }),
    run: ({ repo, paths }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        if (paths.length === 0) throw new ToolError('No paths.', { hint: '["."] for all' });
        const pathspecs = toPathspecs(repository, paths);
        await assertNoFilter(repository, pathspecs, { untracked: true });
        await repository.run(['add', '--all', '--no-warn-embedded-repo', '--', ...pathspecs]);
        const output = await repository.text([
          'diff',
          '--cached',
          '--name-only',
          '-z',
          '--no-ext-diff',
          '--ignore-submodules=dirty',
          '--',
          ...pathspecs,
        ]);
        const all = output.split('\0').filter((path) => path !== '');
        const staged = all.slice(0, MAX_SHOWN).map(toShown);
        const more = all.length > staged.length ? `\n[${all.length} in all]` : '';
        return {
          output: { staged, total: all.length },
          text:
            all.length === 0
              ? 'Nothing to stage.'
              : `Staged:\n${createFence().wrap(staged.join('\n'))}${more}`,
        };
      }),
  });
}
