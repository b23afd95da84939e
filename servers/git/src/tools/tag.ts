// `tag`: lists, makes and deletes tags.
import { createFence, defineTool, toPage, ToolError, type Tool } from '@drawbridge/kit';
import { assertRefName, assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, cursorText, messageText, nameText, refText, repoText } from '../arguments.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { toIdentityEnvironment } from '../head.ts';
import { resolveCommit } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

const PAGE = 200;

async function list(repository: OpenRepository, cursor: string | undefined) {
  const output = await repository.text([
    'for-each-ref',
    '--sort=-creatordate',
    '--format=%(refname:strip=2)%00%(objectname)%00%(creatordate:iso-strict)%00%(subject)',
    'refs/tags',
  ]);
  const all = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', hash = '', date = '', subject = ''] = line.split('\0');
      return { name, hash, date, subject: subject.slice(0, 200) };
    });
  const { items, next } = toPage(all, { cursor, limit: PAGE, scope: repository.gitFolder });
  const lines = items.map(
    ({ name, hash, date, subject }) =>
      `${name} ${hash.slice(0, 12)} ${date.slice(0, 10)} ${subject}`,
  );
  const more = next === undefined ? '' : `\n[${all.length} in all. More: cursor "${next}"]`;
  return {
    output: { tags: items, ...(next !== undefined && { next }) },
    text: all.length === 0 ? '[no tags]' : `${createFence().wrap(lines.join('\n'))}${more}`,
  };
}

export function tag(deps: Deps): Tool {
  return defineTool({
    name: 'tag',
    title: 'Tags',
    description: 'Lists, makes (annotated with `message`) or deletes tags.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      action: z.enum(['list', 'create', 'delete']).default('list'),
      name: nameText.optional(),
      ref: refText.default('HEAD'),
      message: messageText.optional(),
      cursor: cursorText,
    }),
    output: z.object({
      tags: rowsOf('name, hash, date, subject'),
      next: z.string().optional(),
    }),
    run: ({ repo, action, name, ref, message, cursor }, context) =>
      deps.withRepository(
        { repo, effect: action === 'list' ? 'read' : 'write', context },
        async (repository) => {
          if (action === 'list') return list(repository, cursor);
          if (name === undefined) throw new ToolError('The tag has no name.', { allowed: 'name' });
          const full = `refs/tags/${assertRefName(name)}`;
          if (action === 'delete') {
            const hash = (await repository.text(['rev-parse', '--verify', '--quiet', full])).trim();
            await repository.run(['tag', '--delete', name]);
            return {
              output: { tags: [{ name, hash }] },
              text: `Deleted ${name}, which was ${hash}`,
            };
          }
          const commit = await resolveCommit(repository, assertRevision(ref));
          await repository.run(
            message === undefined
              ? ['tag', '--no-sign', name, commit]
              : ['tag', '--annotate', '--no-sign', '--file=-', name, commit],
            { input: message ?? '', env: toIdentityEnvironment(repository, deps) },
          );
          const hash = (await repository.text(['rev-parse', full])).trim();
          return { output: { tags: [{ name, hash }] }, text: `Made ${name} at ${commit}` };
        },
      ),
  });
}
