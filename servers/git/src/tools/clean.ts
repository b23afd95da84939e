// `clean`: removes what is not tracked. It says what it would remove unless told to.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { TRASH_FOLDER } from '@drawbridge/paths';
import { z } from 'zod';
import { aliases, pathList, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { topOf, toPathspecs } from '../repository.ts';

const MAX_SHOWN = 1_000;

export function clean({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'clean',
    title: 'Clean',
    description: 'Lists untracked files; dry_run false removes them for good.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      dry_run: z.boolean().default(true),
      directories: z.boolean().default(false),
      ignored: z.boolean().default(false),
      paths: pathList.optional(),
    }),
    output: z.object({ paths: z.array(z.string()), total: z.int(), removed: z.boolean() }),
    run: ({ repo, dry_run: dry, directories, ignored, paths }, context) =>
      withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        const kept = [
          '.drawbridge/',
          `${TRASH_FOLDER}/`,
          ...repository.fixed.map((path) => `/${path.replaceAll(/[\\*?[\]!# ]/g, '\\$&')}`),
        ];
        const output = await repository.text([
          'clean',
          dry ? '--dry-run' : '--force',
          ...(directories ? ['-d'] : []),
          ...(ignored ? ['-x'] : []),
          ...kept.map((pattern) => `--exclude=${pattern}`),
          '--',
          ...toPathspecs(repository, paths),
        ]);
        const all = output
          .split('\n')
          .flatMap((line) => /^(?:Would remove|Removing) (.+)$/.exec(line)?.[1] ?? []);
        const shown = all.slice(0, MAX_SHOWN);
        const head = dry ? 'Would remove' : 'Removed';
        const more = all.length > shown.length ? `\n[${all.length} in all]` : '';
        return {
          output: { paths: shown, total: all.length, removed: !dry },
          text:
            all.length === 0
              ? 'Nothing to remove.'
              : `${head}:\n${createFence().wrap(shown.join('\n'))}${more}`,
        };
      }),
  });
}
