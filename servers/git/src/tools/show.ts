// `show`: a commit with its changes, or a file as it was in it.
import {
  createFence,
  defineTool,
  fromCursor,
  toCursor,
  ToolError,
  PAGE_BYTES,
  type Tool,
} from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, cursorText, pathText, refText, repoText } from '../arguments.ts';
import { readChanges, toChangesText } from '../changes.ts';
import { COMMIT_FORMAT, parseCommits, toText } from '../commit-fields.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { resolveCommit, toPathspec } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

const output = z.object({
  commit: z.unknown().describe('as of log').optional(),
  files: rowsOf('as of diff').optional(),
  content: z.string().optional(),
  size: z.int().optional(),
  next: z.string().optional(),
});
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** The tree that holds nothing, in the repository's own kind of hash. */
async function emptyTree(repository: OpenRepository): Promise<string> {
  const { stdout } = await repository.run(['hash-object', '-t', 'tree', '--stdin'], { input: '' });
  return stdout.toString().trim();
}

async function showFile(
  repository: OpenRepository,
  { hash, path, cursor }: { hash: string; path: string; cursor: string | undefined },
) {
  const object = `${hash}:${path}`;
  const kind = (await repository.text(['cat-file', '-t', object])).trim();
  if (kind !== 'blob') {
    throw new ToolError(`${JSON.stringify(path)} is a ${kind} there, not a file.`, { hint: 'map' });
  }
  const scope = [repository.gitFolder, object];
  const [from = 0] = fromCursor(cursor, scope);
  const size = Number(await repository.text(['cat-file', '-s', object]));
  if (size > MAX_FILE_BYTES) {
    throw new ToolError(`${JSON.stringify(path)} has ${size} bytes there.`, {
      allowed: `files up to ${MAX_FILE_BYTES} bytes`,
    });
  }
  const { stdout } = await repository.run(['cat-file', 'blob', object]);
  if (stdout.subarray(0, 8_000).includes(0)) {
    return { output: { size }, text: `[binary file of ${size} bytes]` };
  }
  const whole = stdout.toString();
  const content = whole.slice(from, from + PAGE_BYTES / 2);
  const end = from + content.length;
  const next = end < whole.length ? toCursor([end], scope) : undefined;
  const more = next === undefined ? '' : `\n[More: cursor "${next}"]`;
  return {
    output: { content, size, ...(next !== undefined && { next }) },
    text: `${createFence().wrap(content, { title: path })}${more}`,
  };
}

export function show({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'show',
    title: 'Show',
    description: 'A commit and its changes, or with `path` that file as it was then.',
    effect: 'read',
    aliases: { ...aliases, path: 'path' },
    input: z.strictObject({
      repo: repoText,
      ref: refText.default('HEAD'),
      path: pathText.optional(),
      cursor: cursorText,
    }),
    output,
    run: ({ repo, ref, path, cursor }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const hash = await resolveCommit(repository, assertRevision(ref));
        if (path !== undefined) {
          return showFile(repository, { hash, path: toPathspec(repository, path), cursor });
        }
        const [commit] = parseCommits(
          await repository.text(['log', '-z', '-1', COMMIT_FORMAT, hash, '--']),
        );
        if (commit === undefined) throw new ToolError('The commit can not be read.');
        const parents = await repository.text(['rev-list', '-1', '--parents', hash, '--']);
        const parent = parents.trim().split(' ')[1] ?? (await emptyTree(repository));
        const { files, total, next } = await readChanges(repository, {
          range: [parent, hash],
          pathspecs: [],
          cursor,
          scope: [repository.gitFolder, hash],
        });
        const more = next === undefined ? '' : `\n[${total} files in all. More: cursor "${next}"]`;
        return {
          output: { commit, files, ...(next !== undefined && { next }) },
          text: `${createFence().wrap(`${toText(commit)}\n\n${toChangesText(files)}`)}${more}`,
        };
      }),
  });
}
