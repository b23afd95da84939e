// `add`: stages changes.
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { aliases, pathList, repoText } from '../arguments.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { topOf, toPathspecs } from '../repository.ts';

const MAX_SHOWN = 200;

/**
 * Throws for files that the repository wants passed through a program first (Git LFS and the like):
 * nothing runs it here, and their whole content would be committed in place of what it makes of them.
 */
async function assertNoFilter(
  repository: OpenRepository,
  pathspecs: readonly string[],
): Promise<void> {
  const list = ['ls-files', '-z', '--modified', '--others', '--exclude-standard', '--'];
  const changed = await repository.run([...list, ...pathspecs]);
  if (changed.stdout.length === 0) return;
  const { stdout } = await repository.run(['check-attr', '-z', '--stdin', 'filter'], {
    input: changed.stdout,
  });
  const fields = stdout.toString().split('\0');
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = '', value = ''] = [fields[at], fields[at + 2]];
    if (value === 'unspecified' || value === 'unset' || value === '') continue;
    throw new ToolError(
      `${JSON.stringify(toShown(path))} has the filter ${JSON.stringify(value.slice(0, 50))}, which is a program and is not run here.`,
      { hint: 'paths without it; files with filters are staged by the owner' },
    );
  }
}

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
        await assertNoFilter(repository, pathspecs);
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
