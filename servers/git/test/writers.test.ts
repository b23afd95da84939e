// Several callers at once, and callers that go away.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { git, makeRepository, openWorkbench, write } from './harness.ts';

it('changes of one repository wait for each other', async () => {
  const { call, root } = await openWorkbench();
  const r = makeRepository(join(root, 'r'), { 'a.txt': 'a' });
  const names = Array.from({ length: 12 }, (_, index) => `branch-${index}`);
  write(r, Object.fromEntries(names.map((name) => [`${name}.txt`, name])));
  const answers = await Promise.all(
    names.flatMap((name) => [
      call('branch_create', { repo: 'r', name }),
      call('add', { repo: 'r', paths: [`${name}.txt`] }),
      call('tag', { repo: 'r', action: 'create', name }),
    ]),
  );
  expect(answers.filter(({ isError }) => isError)).toEqual([]);
  expect(git(r, 'branch').split('\n')).toHaveLength(names.length + 2);
  expect(git(r, 'diff', '--cached', '--name-only').trim().split('\n')).toHaveLength(names.length);
});

it('a call that is cancelled ends, and leaves nothing that stops the next one', async () => {
  const { base, call, root } = await openWorkbench();
  const r = makeRepository(join(root, 'r'), { 'a.txt': 'a' });
  write(r, { 'b.txt': 'b' });
  const controller = new AbortController();
  const calls = Array.from({ length: 5 }, () =>
    call('add', { repo: 'r', paths: ['.'] }, controller.signal),
  );
  const settled = Promise.allSettled(calls);
  controller.abort();
  await settled;
  await expect
    .poll(async () => (await call('add', { repo: 'r', paths: ['.'] })).isError)
    .toBe(false);
  await expect.poll(() => readdirSync(join(base, 'state/calls'))).toEqual([]);
});
