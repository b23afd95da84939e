// `worktree`: more work trees of one repository, each with its own branch.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRefName, assertRevision, readSmallFile } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, nameText, pathText, refText, repoText } from '../arguments.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { withNewFolder } from '../new-folder.ts';
import { resolveCommit } from '../repository.ts';
import { rowsOf } from '../shapes.ts';
import { isSystemError } from '@drawbridge/paths';

const MAX_LISTED = 500;

interface LinkedTree {
  path: string;
  head: string;
}

function lineOf(path: string): string {
  return readSmallFile(path, 4_096)?.toString().trim() ?? '';
}
function toTree(path: string, head: string): LinkedTree {
  return { path, head: head.replace(/^ref: refs\/heads\//, '') };
}

/** Read from git's own folder: git would name our stand-in for it as the main work tree. */
async function listLinked({ commonFolder }: OpenRepository): Promise<LinkedTree[]> {
  const folder = join(commonFolder, 'worktrees');
  try {
    const names = (await readdir(folder)).sort().slice(0, MAX_LISTED);
    return names.map((name) =>
      toTree(dirname(lineOf(join(folder, name, 'gitdir'))), lineOf(join(folder, name, 'HEAD'))),
    );
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}

async function list(repository: OpenRepository): Promise<LinkedTree[]> {
  const { commonFolder, gitFolder, workTree } = repository;
  const main = basename(commonFolder) === '.git' ? dirname(commonFolder) : workTree;
  const isBare =
    main === undefined || (basename(commonFolder) !== '.git' && gitFolder !== commonFolder);
  const head = lineOf(join(commonFolder, 'HEAD'));
  return [...(isBare ? [] : [toTree(main, head)]), ...(await listLinked(repository))];
}

export function worktree(deps: Deps): Tool {
  return defineTool({
    name: 'worktree',
    title: 'Work trees',
    description: 'Lists, adds (on new branch `create`) or removes work trees.',
    effect: 'destructive',
    aliases: { ...aliases, path: 'path' },
    input: z.strictObject({
      repo: repoText,
      action: z.enum(['list', 'add', 'remove']).default('list'),
      path: pathText.optional(),
      ref: refText.optional(),
      create: nameText.optional(),
    }),
    output: z.object({ worktrees: rowsOf('path, head') }),
    run: async ({ repo, action, path, ref, create }, context) => {
      const added = await deps.withRepository(
        { repo, effect: action === 'list' ? 'read' : 'write', context },
        async (repository) => {
          if (action === 'list') return undefined;
          if (path === undefined)
            throw new ToolError('The work tree has no path.', { allowed: 'path' });
          const { guard, commonFolder } = repository;
          if (action === 'remove') {
            const folder = await guard.withFolder(path, ({ real }) => Promise.resolve(real));
            const trees = (await listLinked(repository)).map((tree) => tree.path);
            if (!trees.includes(folder)) {
              throw new ToolError('No linked work tree of this repository is there.', {
                hint: 'action "list"',
              });
            }
            await repository.run(['worktree', 'remove', '--', folder]);
            return undefined;
          }
          const hash = await resolveCommit(repository, assertRevision(ref ?? 'HEAD'));
          return withNewFolder(guard, path, async (folder) => {
            const start =
              create === undefined
                ? ref === undefined
                  ? ['--detach', '--', folder, hash]
                  : ['--', folder, ref]
                : ['--no-track', '-b', assertRefName(create), '--', folder, hash];
            await mkdir(join(commonFolder, 'worktrees'), { recursive: true });
            await repository.run(['worktree', 'add', '--no-checkout', ...start]);
            // Git wrote where our stand-in for its common folder was.
            const pointer = readSmallFile(join(folder, '.git'), 4_096)?.toString().trim() ?? '';
            await writeFile(
              join(folder, '.git'),
              `gitdir: ${join(commonFolder, 'worktrees', basename(pointer))}\n`,
            );
            return folder;
          });
        },
      );
      if (added !== undefined) {
        await deps.withRepository({ repo: added, effect: 'write', context }, (repository) =>
          repository.run(['reset', '--quiet', '--hard', '--no-recurse-submodules']),
        );
      }
      return deps.withRepository({ repo, effect: 'read', context }, async (repository) => {
        const trees = (await list(repository)).map((tree) => ({
          ...tree,
          path: repository.guard.show(tree.path),
        }));
        const lines = trees.map(({ path: at, head }) => `${at} ${head}`);
        return { output: { worktrees: trees }, text: createFence().wrap(lines.join('\n')) };
      });
    },
  });
}
