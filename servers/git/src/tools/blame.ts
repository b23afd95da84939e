// `blame`: which commit each line of a file comes from.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { limitOf, pathText, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { resolveCommit, toPathspec } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

interface Origin {
  author: string;
  date: string;
  subject: string;
}
interface Line {
  line: number;
  hash: string;
  text: string;
}

const MAX_TEXT = 2_000;

/** Reads `git blame --porcelain` (git-blame(1)). */
export function parseBlame(output: string): { lines: Line[]; origins: Map<string, Origin> } {
  const origins = new Map<string, Origin>();
  const lines: Line[] = [];
  let [hash, line] = ['', 0];
  for (const row of output.split('\n')) {
    if (row.startsWith('\t')) {
      lines.push({ line, hash, text: row.slice(1, MAX_TEXT) });
      continue;
    }
    const [, named, at] = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(row) ?? [];
    if (named !== undefined) {
      [hash, line] = [named, Number(at)];
      if (!origins.has(hash)) origins.set(hash, { author: '', date: '', subject: '' });
      continue;
    }
    const origin = origins.get(hash);
    const value = row.slice(row.indexOf(' ') + 1);
    if (origin === undefined) continue;
    if (row.startsWith('author ')) origin.author = value;
    if (row.startsWith('author-time ')) {
      origin.date = new Date(Number(value) * 1_000).toISOString();
    }
    if (row.startsWith('summary ')) origin.subject = value.slice(0, 200);
  }
  return { lines, origins };
}

export function blame({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'blame',
    title: 'Blame',
    description: 'The commit that each line of a file comes from.',
    effect: 'read',
    aliases: { repository: 'repo', file: 'path' },
    input: z.strictObject({
      repo: repoText,
      path: pathText,
      ref: refText.optional(),
      offset: z.int().min(1).default(1),
      limit: limitOf(1_000, 200),
    }),
    output: z.object({
      runs: rowsOf('line, hash, author, date, subject, text'),
      next_offset: z.int().optional(),
    }),
    run: ({ repo, path, ref, offset, limit }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const commit =
          ref === undefined && repository.workTree !== undefined
            ? []
            : [await resolveCommit(repository, assertRevision(ref ?? 'HEAD'))];
        // One line more tells whether there is more.
        const output = await repository.text([
          'blame',
          '--porcelain',
          '--no-textconv',
          '-L',
          `${offset},+${limit + 1}`,
          ...commit,
          '--',
          toPathspec(repository, path),
        ]);
        const { lines, origins } = parseBlame(output);
        const runs: (Line & Origin)[] = [];
        for (const line of lines.slice(0, limit)) {
          const last = runs.at(-1);
          if (last?.hash === line.hash) last.text += `\n${line.text}`;
          else {
            const origin = origins.get(line.hash) ?? { author: '', date: '', subject: '' };
            runs.push({ ...line, ...origin });
          }
        }
        const more = lines.length > limit;
        const text = runs
          .map(
            ({ line, hash, author, date, subject, text: content }) =>
              `[from line ${line}: ${hash.slice(0, 12)} ${date.slice(0, 10)} ${author}: ${subject}]\n${content}`,
          )
          .join('\n');
        return {
          output: { runs, ...(more && { next_offset: offset + limit }) },
          text: `${createFence().wrap(text)}${more ? `\n[More: offset ${offset + limit}]` : ''}`,
        };
      }),
  });
}
