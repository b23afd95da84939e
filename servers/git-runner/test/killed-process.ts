// A process with a git that does not end, to be killed. Given the folder with the repository `r`.
import { join } from 'node:path';
import { createGitRunner } from '../src/index.ts';

const [base = ''] = process.argv.slice(2);
const runner = createGitRunner({ stateFolder: () => join(base, 'state'), env: process.env });
const ann = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a',
};
await runner.withRepository(
  join(base, 'r'),
  {
    folders: { resolve: (path) => Promise.resolve(path), show: (path) => path },
    effect: 'write',
    signal: new AbortController().signal,
  },
  ({ run }) =>
    run(['commit', '--allow-empty', '--edit'], {
      env: { ...ann, GIT_EDITOR: `sh -c 'echo $$ > ${join(base, 'pid')}; sleep 600' x` },
    }),
);
