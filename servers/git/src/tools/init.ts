// `init`: a new repository in a folder that has none.
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertRefName } from '@drawbridge/git-runner';
import { inQuotes, isSystemError } from '@drawbridge/paths';
import { z } from 'zod';
import { nameText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertWritable } from '../repository.ts';

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
}

export function init({ withGuard, runner }: Deps): Tool {
  return defineTool({
    name: 'init',
    title: 'New repository',
    description: 'Makes a repository, and its folder if missing.',
    effect: 'write',
    aliases: { repo: 'path', repo_path: 'path' },
    input: z.strictObject({ path: pathText, branch: nameText.default('main') }),
    output: z.object({ path: z.string(), branch: z.string() }),
    run: ({ path, branch }, context) =>
      withGuard(context, async (guard) => {
        assertRefName(branch);
        await guard.createFolders(path);
        return guard.withFolder(path, async (folder, shown) => {
          await assertWritable(guard, folder.real);
          if (await isThere(folder.at('.git'))) {
            throw new ToolError(`${inQuotes(shown)} has a .git already.`, { hint: 'status' });
          }
          await runner.runIn(
            folder.real,
            ['init', '--quiet', '--template=', `--initial-branch=${branch}`],
            { signal: context.signal, env: { GIT_CEILING_DIRECTORIES: dirname(folder.real) } },
          );
          return {
            output: { path: shown, branch },
            text: `Made an empty repository in ${shown}, on ${branch}`,
          };
        });
      }),
  });
}
