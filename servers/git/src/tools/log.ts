// `log`: commits, newest first, page by page.
import {
  createFence,
  defineTool,
  fromCursor,
  toCursor,
  countFitting,
  type Tool,
} from '@drawbridge/kit';
import { assertDate, assertRevision, assertText } from '@drawbridge/git-runner';
import { z } from 'zod';
import {
  aliases,
  cursorText,
  limitOf,
  pathList,
  refText,
  repoText,
  textUpTo,
} from '../arguments.ts';
import { COMMIT_FORMAT, COMMIT_FIELDS, parseCommits, toText } from '../commit-fields.ts';
import type { Deps } from '../deps.ts';
import { resolveCommit, toPathspecs } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

const patternText = textUpTo(500);

export function log({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'log',
    title: 'Log',
    description:
      'Commits, newest first; `ref` may be a..b. `follow` follows one path through renames.',
    effect: 'read',
    aliases,
    input: z.strictObject({
      repo: repoText,
      ref: refText.default('HEAD'),
      author: patternText.optional(),
      grep: patternText.optional(),
      since: refText.optional(),
      until: refText.optional(),
      paths: pathList.optional(),
      follow: z.boolean().default(false),
      limit: limitOf(500, 30),
      cursor: cursorText,
    }),
    output: z.object({ commits: rowsOf(COMMIT_FIELDS), next: z.string().optional() }),
    run: ({ repo, limit, cursor, ...args }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const { ref, author, grep, since, until, paths, follow } = args;
        const ends: string[] = [];
        for (const end of ref.split(/\.{2,3}/, 2)) {
          ends.push(await resolveCommit(repository, assertRevision(end === '' ? 'HEAD' : end)));
        }
        const scope = [repository.gitFolder, ...ends, args];
        const [from = 0] = fromCursor(cursor, scope);
        const pathspecs = toPathspecs(repository, paths);
        const output = await repository.text([
          'log',
          '-z',
          COMMIT_FORMAT,
          '--no-show-signature',
          '--no-color',
          `--max-count=${limit + 1}`,
          `--skip=${from}`,
          '--regexp-ignore-case',
          ...(author === undefined ? [] : [`--author=${assertText(author, 'author')}`]),
          ...(grep === undefined ? [] : [`--grep=${assertText(grep, 'grep')}`]),
          ...(since === undefined ? [] : [`--since=${assertDate(since)}`]),
          ...(until === undefined ? [] : [`--until=${assertDate(until)}`]),
          ...(follow && pathspecs.length === 1 ? ['--follow'] : []),
          '--end-of-options',
          ends.join(ref.includes('...') ? '...' : '..'),
          '--',
          ...pathspecs,
        ]);
        const found = parseCommits(output);
        const wanted = found.slice(0, limit);
        const commits = wanted.slice(
          0,
          countFitting(wanted, (commit) => Buffer.byteLength(toText(commit)) * 2),
        );
        const next =
          found.length > commits.length ? toCursor([from + commits.length], scope) : undefined;
        const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
        return {
          output: { commits, ...(next !== undefined && { next }) },
          text:
            commits.length === 0
              ? '[no commits]'
              : `${createFence().wrap(commits.map(toText).join('\n\n'))}${more}`,
        };
      }),
  });
}
