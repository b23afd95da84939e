// `diff`: what differs between the work tree, the index and commits, file by file.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, cursorText, pathList, refText, repoText } from '../arguments.ts';
import { CHANGE_FIELDS, readChanges, toChangesText } from '../changes.ts';
import type { Deps } from '../deps.ts';
import { resolveCommit, topOf, toPathspecs } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

const MAX_CONTEXT = 50;

export function diff({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'diff',
    title: 'Diff',
    description:
      'Changes not staged, `staged` ones, or between `from` and `to` (else the work tree).',
    effect: 'read',
    aliases,
    input: z.strictObject({
      repo: repoText,
      staged: z.boolean().default(false),
      from: refText.optional(),
      to: refText.optional(),
      paths: pathList.optional(),
      context: z
        .int()
        .refine((lines) => lines >= 0 && lines <= MAX_CONTEXT, `0 to ${MAX_CONTEXT}`)
        .optional(),
      cursor: cursorText,
    }),
    output: z.object({ files: rowsOf(CHANGE_FIELDS), total: z.int(), next: z.string().optional() }),
    run: ({ repo, cursor, ...args }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const { staged, from, to, paths, context: lines = 3 } = args;
        const ends: string[] = [];
        for (const end of [from ?? (to === undefined ? undefined : 'HEAD'), to]) {
          if (end !== undefined) ends.push(await resolveCommit(repository, assertRevision(end)));
        }
        if (ends.length < 2) topOf(repository);
        const { files, total, next } = await readChanges(repository, {
          range: [`--unified=${lines}`, ...(staged ? ['--cached'] : []), ...ends],
          pathspecs: toPathspecs(repository, paths),
          cursor,
          scope: [repository.gitFolder, args, ends],
        });
        const more = next === undefined ? '' : `\n[${total} files in all. More: cursor "${next}"]`;
        return {
          output: { files, total, ...(next !== undefined && { next }) },
          text:
            total === 0 ? '[no differences]' : `${createFence().wrap(toChangesText(files))}${more}`,
        };
      }),
  });
}
