// `commit`: what is staged, as a commit. Hooks are not run and nothing is signed.
import { defineTool, ToolError, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { aliases, messageText, nameText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { assertNoFilter } from '../filters.ts';
import { headShape, readHead, toHeadText, toIdentityEnvironment } from '../head.ts';
import { topOf } from '../repository.ts';

function assertName(text: string | undefined): void {
  if (text === undefined || !/[<>\n\r]/.test(text)) return;
  throw new ToolError('An author has no "<", ">" or line break.');
}

export function commit(deps: Deps): Tool {
  return defineTool({
    name: 'commit',
    title: 'Commit',
    description: 'Commits what is staged; with `all`, all tracked changes.',
    effect: 'write',
    aliases,
    input: z.strictObject({
      repo: repoText,
      message: messageText,
      all: z.boolean().default(false),
      author_name: nameText.optional(),
      author_email: nameText.optional(),
    }),
    output: z.object(headShape),
    run: ({ repo, message, all, author_name: name, author_email: email }, context) =>
      deps.withRepository({ repo, effect: 'write', context }, async (repository) => {
        topOf(repository);
        if (message.trim() === '') throw new ToolError('The message is empty.');
        assertName(name);
        assertName(email);
        if (all) await assertNoFilter(repository, ['.'], { untracked: false });
        await repository.run(
          [
            'commit',
            '--quiet',
            '--no-verify',
            '--no-gpg-sign',
            '--no-status',
            '--cleanup=whitespace',
            '--file=-',
            ...(all ? ['--all'] : []),
          ],
          { input: message, env: toIdentityEnvironment(repository, deps, { name, email }) },
        );
        const head = await readHead(repository);
        return { output: head, text: `Committed. ${toHeadText(head)}` };
      }),
  });
}
