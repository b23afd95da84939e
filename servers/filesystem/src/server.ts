// The filesystem server: its tools, its resources, and the guard that each call gets.
import { createUserState, defineServer, type ServerDefinition } from '@drawbridge/kit';
import { createLocks, createPathGuard, createRipgrep } from '@drawbridge/paths';
import type { Deps } from './deps.ts';
import { createFileResources } from './resources.ts';
import { copy } from './tools/copy.ts';
import { createDirectory } from './tools/create-directory.ts';
import { deletePath } from './tools/delete.ts';
import { edit } from './tools/edit.ts';
import { find } from './tools/find.ts';
import { grep } from './tools/grep.ts';
import { info } from './tools/info.ts';
import { list } from './tools/list.ts';
import { move } from './tools/move.ts';
import { readMany } from './tools/read-many.ts';
import { readMedia } from './tools/read-media.ts';
import { readText } from './tools/read-text.ts';
import { roots } from './tools/roots.ts';
import { tree } from './tools/tree.ts';
import { write } from './tools/write.ts';

const tools = [
  readText,
  readMany,
  readMedia,
  write,
  edit,
  createDirectory,
  list,
  tree,
  find,
  grep,
  move,
  copy,
  deletePath,
  info,
  roots,
];

/** `env` names Drawbridge's home folder and the user's; no home is opened, no settings are written. */
export function createDefinition(env: NodeJS.ProcessEnv): ServerDefinition {
  const userState = createUserState(env);
  const pins = new Map<string, string>();
  const deps: Deps = {
    async withGuard({ caller }, work) {
      const guard = await createPathGuard({
        roots: caller.roots,
        closed: userState.closedFolders(),
        readOnly: () => [...caller.readOnly, ...userState.settingsFiles()],
        pins,
      });
      try {
        return await work(guard);
      } finally {
        guard.close();
      }
    },
    locks: createLocks(),
    ripgrep: createRipgrep(),
  };
  return defineServer({
    name: 'filesystem',
    title: 'Files and folders',
    version: '0.1.0',
    instructions:
      'Paths are relative to the first root, or absolute. Call roots to see what is allowed. ' +
      'To change a file, read it, then edit it; pass the hash you read to notice changes by others.',
    tools: tools.map((create) => create(deps)),
    resources: createFileResources(deps),
  });
}
