// `stash`: puts changes aside and takes them up again.
import { createFence, defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { assertText } from '@drawbridge/git-runner';
import { z } from 'zod';
import { aliases, repoText, textUpTo } from '../arguments.ts';
import type { Deps, OpenRepository } from '../deps.ts';
import { operationShape, runStep } from '../operations.ts';
import { assertFixedKept, topOf } from '../repository.ts';

const actions = ['push', 'list', 'apply', 'pop', 'drop'] as const;
const MAX_LISTED = 200;

/** Throws when a stash would take away what is for reading only. */
async function assertFixedTracked(repository: OpenRepository): Promise<void> {
  if (repository.fixed.length === 0) return;
  const list = ['ls-files', '--others', '--exclude-standard', '-z', '--', ...repository.fixed];
  if ((await repository.text(list)) === '') return;
  throw new ToolError("What is not tracked includes a file that is Drawbridge's own.", {
    hint: 'untracked: false',
  });
}

async function list(repository: OpenRepository) {
  const output = await repository.text([
    'stash',
    'list',
    '-z',
    `--max-count=${MAX_LISTED}`,
    '--format=%gd%x09%cI%x09%gs',
  ]);
  const stashes = output.split('\0').filter((line) => line !== '');
  return {
    output: { stashes },
    text: stashes.length === 0 ? '[no stashes]' : createFence().wrap(stashes.join('\n')),
  };
}

export function stash(deps: Deps): Tool {
  return defineTool({
    name: 'stash',
    title: 'Stash',
    description: 'Puts changes aside and takes them up again; `index` 0 is the newest.',
    effect: 'destructive',
    aliases,
    input: z.strictObject({
      repo: repoText,
      action: z.enum(actions),
      message: textUpTo(500).optional(),
      untracked: z.boolean().default(false),
      index: z.int().min(0).default(0),
    }),
    output: operationShape.extend({ stashes: z.array(z.string()).optional() }),
    run: ({ repo, action, message, untracked, index }, context) =>
      deps.withRepository(
        { repo, effect: action === 'list' ? 'read' : 'write', context },
        async (repository) => {
          topOf(repository);
          if (action === 'list') return list(repository);
          const name = `stash@{${index}}`;
          if (action === 'push') {
            await assertFixedKept(repository, 'HEAD');
            if (untracked) await assertFixedTracked(repository);
          }
          if (action === 'apply' || action === 'pop') {
            await assertFixedKept(repository, `${name}^`, name);
          }
          const args =
            action === 'push'
              ? [
                  'push',
                  '--quiet',
                  ...(untracked ? ['--include-untracked'] : []),
                  ...(message === undefined ? [] : [`--message=${assertText(message, 'message')}`]),
                ]
              : [action, '--quiet', name];
          return runStep({
            args: ['stash', ...args],
            repository,
            deps,
            // Stash itself names the whole tree by a pathspec with magic; the caller names none.
            env: { GIT_LITERAL_PATHSPECS: '0' },
          });
        },
      ),
  });
}
