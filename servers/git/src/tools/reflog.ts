// `reflog`: where HEAD or a branch stood before, to find again what seems lost.
import { createFence, defineTool, fromCursor, toCursor, type Tool } from '@drawbridge/kit';
import { assertRevision, redact } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, cursorText, limitOf, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { resolveCommit } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

export function reflog({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'reflog',
    title: 'Reflog',
    description: 'Where HEAD or a branch stood before, newest first.',
    effect: 'read',
    aliases,
    input: z.strictObject({
      repo: repoText,
      ref: refText.default('HEAD'),
      limit: limitOf(500, 30),
      cursor: cursorText,
    }),
    output: z.object({
      entries: rowsOf('index, hash, date, action'),
      next: z.string().optional(),
    }),
    run: ({ repo, ref, limit, cursor }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const tip = await resolveCommit(repository, assertRevision(ref));
        const scope = [repository.gitFolder, ref, tip];
        const [from = 0] = fromCursor(cursor, scope);
        const output = await repository.text([
          'log',
          '--walk-reflogs',
          '-z',
          '--format=%H%x00%cI%x00%gs',
          `--max-count=${limit + 1}`,
          `--skip=${from}`,
          '--end-of-options',
          ref,
          '--',
        ]);
        const parts = output.split('\0');
        const all = [];
        for (let at = 0; at + 2 < parts.length; at += 3) {
          const [hash = '', date = '', action = ''] = parts.slice(at, at + 3);
          all.push({ index: from + at / 3, hash, date, action: redact(action).slice(0, 500) });
        }
        const entries = all.slice(0, limit);
        const next = all.length > limit ? toCursor([from + limit], scope) : undefined;
        const lines = entries.map(
          ({ index, hash, action }) => `${ref}@{${index}} ${hash.slice(0, 12)} ${action}`,
        );
        const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
        return {
          output: { entries, ...(next !== undefined && { next }) },
          text:
            lines.length === 0 ? '[no entries]' : `${createFence().wrap(lines.join('\n'))}${more}`,
        };
      }),
  });
}
