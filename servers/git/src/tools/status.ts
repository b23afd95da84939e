// `status`: the branch, what is in progress, and what differs from the last commit.
import { createFence, defineTool, toPage, type Tool } from '@drawbridge/kit';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { aliases, cursorText, limitOf, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { findProgress } from '../progress.ts';
import { topOf } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

interface Entry {
  path: string;
  state: string;
  from?: string;
}

interface Status {
  branch: string | undefined;
  head: string | undefined;
  upstream: string | undefined;
  ahead: number | undefined;
  behind: number | undefined;
  entries: Entry[];
}

/** Reads `git status --porcelain=v2 --branch -z` (git-status(1)). */
function parseStatus(output: string): Status {
  const records = output.split('\0');
  const status: Status = {
    branch: undefined,
    head: undefined,
    upstream: undefined,
    ahead: undefined,
    behind: undefined,
    entries: [],
  };
  for (let at = 0; at < records.length; at += 1) {
    const record = records[at] ?? '';
    const [kind = '', ...fields] = record.split(' ');
    if (kind === '#') {
      const [name, value = '', behind = ''] = fields;
      if (name === 'branch.head' && value !== '(detached)') status.branch = value;
      if (name === 'branch.oid' && value !== '(initial)') status.head = value;
      if (name === 'branch.upstream') status.upstream = value;
      if (name === 'branch.ab') [status.ahead, status.behind] = [Number(value), -Number(behind)];
    } else if (kind === '1' || kind === 'u') {
      const path = fields.slice(kind === '1' ? 7 : 9).join(' ');
      status.entries.push({ path, state: fields[0] ?? '' });
    } else if (kind === '2') {
      at += 1;
      const path = fields.slice(8).join(' ');
      status.entries.push({ path, state: fields[0] ?? '', from: records[at] ?? '' });
    } else if (kind === '?') status.entries.push({ path: fields.join(' '), state: '??' });
  }
  return status;
}

function lineOf({ path, state, from }: Entry): string {
  return `${state} ${from === undefined ? '' : `${from} -> `}${path}`;
}

export function status({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'status',
    title: 'Status',
    description: 'Branch, upstream, what is in progress, changed files.',
    effect: 'read',
    aliases,
    input: z.strictObject({ repo: repoText, limit: limitOf(5_000, 500), cursor: cursorText }),
    output: z.object({
      branch: z.string().optional(),
      head: z.string().optional(),
      upstream: z.string().optional(),
      ahead: z.int().optional(),
      behind: z.int().optional(),
      in_progress: z.string().optional(),
      total: z.int(),
      entries: rowsOf('path, state (index, work tree), from'),
      next: z.string().optional(),
    }),
    run: ({ repo, limit, cursor }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        topOf(repository);
        const output = await repository.text([
          'status',
          '--porcelain=v2',
          '--branch',
          '-z',
          '--ignore-submodules=dirty',
          '--untracked-files=normal',
        ]);
        const { entries: all, ...facts } = parseStatus(output);
        const entries = all.map(({ path, state, from }) => ({
          path: toShown(path),
          state,
          ...(from !== undefined && { from: toShown(from) }),
        }));
        const { items, next } = toPage(entries, {
          cursor,
          limit,
          scope: [repo, repository.gitFolder],
          sizeOf: (entry) => Buffer.byteLength(lineOf(entry)) + 40,
        });
        const progress = findProgress(repository.gitFolder);
        const { branch, head, upstream, ahead, behind } = facts;
        const lines = [
          branch === undefined ? 'HEAD is detached' : `On ${branch}`,
          ...(upstream === undefined ? [] : [`${upstream}: ahead ${ahead}, behind ${behind}`]),
          ...(progress === undefined ? [] : [`${progress} in progress`]),
          ...(all.length === 0 ? ['nothing changed'] : items.map(lineOf)),
        ];
        const more = next === undefined ? '' : `\n[${all.length} in all. More: cursor "${next}"]`;
        return {
          output: {
            ...(branch !== undefined && { branch }),
            ...(head !== undefined && { head }),
            ...(upstream !== undefined && { upstream }),
            ...(ahead !== undefined && behind !== undefined && { ahead, behind }),
            ...(progress !== undefined && { in_progress: progress }),
            total: all.length,
            entries: items,
            ...(next !== undefined && { next }),
          },
          text: `${createFence().wrap(lines.join('\n'))}${more}`,
        };
      }),
  });
}
