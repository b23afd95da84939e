// `branch_list`: branches, those changed last first.
import { createFence, defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { aliases, cursorText, limitOf, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { rowsOf } from '../shapes.ts';

const FIELDS = [
  '%(refname)',
  '%(objectname)',
  '%(HEAD)',
  '%(upstream:short)',
  '%(committerdate:iso-strict)',
  '%(subject)',
];

export function branchList({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'branch_list',
    title: 'List branches',
    description: 'Branches, newest first; with `remotes`, remote ones too.',
    effect: 'read',
    aliases,
    input: z.strictObject({
      repo: repoText,
      remotes: z.boolean().default(false),
      limit: limitOf(1_000, 100),
      cursor: cursorText,
    }),
    output: z.object({
      branches: rowsOf('name, hash, current, upstream, date, subject'),
      total: z.int(),
      next: z.string().optional(),
    }),
    run: ({ repo, remotes, limit, cursor }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const output = await repository.text([
          'for-each-ref',
          '--sort=-committerdate',
          `--format=${FIELDS.join('%00')}`,
          'refs/heads',
          ...(remotes ? ['refs/remotes'] : []),
        ]);
        const all = output
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => {
            const [name = '', hash = '', current, upstream = '', date = '', subject = ''] =
              line.split('\0');
            return {
              name: name.replace(/^refs\/(?:heads|remotes)\//, ''),
              hash,
              ...(current === '*' && { current: true }),
              ...(upstream !== '' && { upstream }),
              date,
              subject: subject.slice(0, 200),
            };
          });
        const { items, next } = toPage(all, {
          cursor,
          limit,
          scope: [repository.gitFolder, remotes],
          sizeOf: ({ name, subject }) => Buffer.byteLength(name + subject) + 150,
        });
        const lines = items.map(
          ({ name, hash, current, date, subject }) =>
            `${current === true ? '* ' : '  '}${name} ${hash.slice(0, 12)} ${date.slice(0, 10)} ${subject}`,
        );
        const more = next === undefined ? '' : `\n[${all.length} in all. More: cursor "${next}"]`;
        return {
          output: { branches: items, total: all.length, ...(next !== undefined && { next }) },
          text:
            all.length === 0 ? '[no branches]' : `${createFence().wrap(lines.join('\n'))}${more}`,
        };
      }),
  });
}
