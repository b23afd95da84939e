// Repositories of some size are answered page by page, and quickly by construction: no tool reads all of
// a history for one page. The figures of a really large one are measured by hand (README.md).
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openWorkbench } from './harness.ts';
import { makeLargeRepository } from './large-repository.ts';

it('answers from a repository of many commits and files in pages', async () => {
  const { call, root } = await openWorkbench();
  await makeLargeRepository(join(root, 'r'), { commits: 1_500, files: 600 });
  const repo = 'r';
  expect((await call('status', { repo })).output).toMatchObject({ branch: 'main', total: 0 });
  expect((await call('map', { repo })).output).toMatchObject({
    files: 601,
    entry_points: ['package.json'],
    languages: [{ name: 'TypeScript', files: 600 }, { name: 'JSON' }],
  });
  const hashes = new Set<string>();
  let cursor: unknown;
  do {
    const { output } = await call('log', {
      repo,
      limit: 400,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { hash } of output['commits'] as { hash: string }[]) hashes.add(hash);
    cursor = output['next'];
  } while (cursor !== undefined);
  expect(hashes.size).toBe(1_500);
  const { output } = await call('blame', { repo, path: 'src/part-7/module-7.ts', limit: 5 });
  expect(output['next_offset']).toBe(6);
  const diff = await call('diff', { repo, from: 'HEAD~1000', to: 'HEAD' });
  expect(diff.output['next']).toBeDefined();
});
