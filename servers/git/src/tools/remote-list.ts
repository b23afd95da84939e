// `remote_list`: the remotes, without the secrets that addresses may carry.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { aliases, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { listRemotes } from '../remotes.ts';
import { rowsOf } from '../shapes.ts';

export function remoteList({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'remote_list',
    title: 'List remotes',
    description: 'Remotes; one without url may not be used here.',
    effect: 'read',
    aliases,
    input: z.strictObject({ repo: repoText }),
    output: z.object({
      remotes: rowsOf('name, url, push_url'),
    }),
    run: ({ repo }, context) =>
      withRepository({ repo, effect: 'read', context }, (repository) => {
        const remotes = listRemotes(repository).map(({ name, url, pushUrl }) => ({
          name,
          ...(url !== undefined && { url }),
          ...(pushUrl !== undefined && { push_url: pushUrl }),
        }));
        const lines = remotes.map(
          ({ name, url = 'an address that may not be used here' }) => `${name} ${url}`,
        );
        return Promise.resolve({
          output: { remotes },
          text: lines.length === 0 ? '[no remotes]' : createFence().wrap(lines.join('\n')),
        });
      }),
  });
}
