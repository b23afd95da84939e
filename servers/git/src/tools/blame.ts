// `blame`: which commit each line of a file comes from.
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { limitOf, pathText, refText, repoText } from '../arguments.ts';
import { readWorkFile } from '../conflicts.ts';
import type { Deps, OpenRepository } from '../deps.ts';
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
const TIME_LIMIT_MS = 10_000;

/** Reads `git blame --incremental` (git-blame(1)): which commit each line is from, as it is found. */
export function parseBlame(output: string): {
  found: Map<number, string>;
  origins: Map<string, Origin>;
} {
  const origins = new Map<string, Origin>();
  const found = new Map<number, string>();
  let [hash, start, count] = ['', 0, 0];
  for (const row of output.split('\n')) {
    const [, named, at, lines] = /^([0-9a-f]{40,64}) \d+ (\d+) (\d+)$/.exec(row) ?? [];
    if (named !== undefined) {
      [hash, start, count] = [named, Number(at), Number(lines)];
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
    // The last row of a group.
    if (row.startsWith('filename ')) {
      for (let line = start; line < start + count; line += 1) found.set(line, hash);
    }
  }
  return { found, origins };
}

const UNKNOWN: Origin = { author: 'not found in time', date: '', subject: '' };

async function readLines(
  repository: OpenRepository,
  path: string,
  commit: string | undefined,
): Promise<string[]> {
  const text =
    commit === undefined
      ? await readWorkFile(repository, path)
      : await repository.text(['cat-file', 'blob', `${commit}:${path}`]);
  if (text === undefined) {
    throw new ToolError(`${JSON.stringify(toShown(path))} is no file of the work tree.`, {
      hint: 'ref, for a file of a commit',
    });
  }
  return text.replace(/\n$/, '').split('\n');
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
        const spec = toPathspec(repository, path);
        const commit =
          ref === undefined && repository.workTree !== undefined
            ? undefined
            : await resolveCommit(repository, assertRevision(ref ?? 'HEAD'));
        const all = await readLines(repository, spec, commit);
        if (offset > all.length) {
          throw new ToolError(`The file has ${all.length} lines.`, {
            allowed: `offset 1 to ${all.length}`,
          });
        }
        const lines = all.slice(offset - 1, offset - 1 + limit);
        // A long history takes long to walk; what is known by then is better than nothing.
        const { stdout } = await repository.run(
          [
            'blame',
            '--incremental',
            '--no-textconv',
            '-L',
            `${offset},+${lines.length}`,
            ...(commit === undefined ? [] : [commit]),
            '--',
            spec,
          ],
          { timeout: TIME_LIMIT_MS, partial: true },
        );
        const { found, origins } = parseBlame(stdout.toString());
        const runs: (Line & Origin)[] = [];
        for (const [index, content] of lines.entries()) {
          const line = offset + index;
          const hash = found.get(line) ?? '';
          const last = runs.at(-1);
          if (last?.hash === hash) last.text += `\n${content.slice(0, MAX_TEXT)}`;
          else {
            const origin = origins.get(hash) ?? UNKNOWN;
            runs.push({ line, hash, text: content.slice(0, MAX_TEXT), ...origin });
          }
        }
        const more = offset + lines.length <= all.length;
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
