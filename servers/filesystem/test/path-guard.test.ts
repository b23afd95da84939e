// What is opened is what was checked, however the folders change meanwhile.
import { lstatSync, renameSync, symlinkSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPathGuard, createRipgrep, listFiles, writeAtomically } from '@drawbridge/paths';
import { temporaryFolder } from './harness.ts';

import { SECRET, expectUntouched, openBesideSecret } from './secret.ts';

describe('a folder swapped for a link between check and use (CVE-2025-53109)', () => {
  it('does not lead a write out: the folder that was checked is the one that is written', async () => {
    const base = await temporaryFolder();
    const [root, outside] = [join(base, 'root'), join(base, 'outside')];
    await mkdir(join(root, 'in'), { recursive: true });
    await mkdir(outside);
    const guard = await createPathGuard({ roots: [root] });
    await guard.withPlace('in/new.txt', { follow: true }, async ({ folder, name }) => {
      await rename(join(root, 'in'), join(root, 'aside'));
      await symlink(outside, join(root, 'in'));
      await writeAtomically(folder, name, (file) => file.writeFile('x'), { replace: false });
    });
    expect(await readdir(outside)).toEqual([]);
    expect(await readdir(join(root, 'aside'))).toEqual(['new.txt']);
  });

  it.each(['descriptor', 'compare'] as const)(
    'does not lead a read out, checking by %s',
    async (verification) => {
      const base = await temporaryFolder();
      const [root, outside] = [join(base, 'root'), join(base, 'outside')];
      await mkdir(join(root, 'in'), { recursive: true });
      await mkdir(outside);
      await writeFile(join(root, 'in/a.txt'), 'inside');
      await writeFile(join(outside, 'a.txt'), SECRET);
      const guard = await createPathGuard({ roots: [root], verification });
      const read = guard.withPlace('in/a.txt', { follow: true }, async ({ folder, name }) => {
        await rename(join(root, 'in'), join(root, 'aside'));
        await symlink(outside, join(root, 'in'));
        const file = await folder.openFile(name);
        try {
          return await file.readFile('utf8');
        } finally {
          await file.close();
        }
      });
      // Through the descriptor the file that was meant is read; else the change is noticed.
      const outcome = await read.catch((error: unknown) => String(error));
      expect(outcome).toMatch(
        verification === 'descriptor' ? /^inside$/ : /is outside the folders/,
      );
    },
  );

  it('does not lead a search, a list or a read out when it is the root itself, or lies above it', async () => {
    const base = await temporaryFolder();
    for (const folder of ['up/root', 'out/root']) {
      await mkdir(join(base, folder, 'in'), { recursive: true });
      await writeFile(join(base, folder, 'in/a.txt'), folder);
    }
    const guard = await createPathGuard({ roots: [join(base, 'up/root')] });
    await rename(join(base, 'up'), join(base, 'aside'));
    await symlink(join(base, 'out'), join(base, 'up'));
    const { signal } = new AbortController();
    const found = await guard.withFolder('in', async (folder) => ({
      names: await listFiles(guard, folder, { ignored: false, ripgrep: createRipgrep(), signal }),
      entries: folder.entries().map(({ name }) => name),
    }));
    expect(found).toEqual({ names: ['a.txt'], entries: ['a.txt'] });
    const text = await guard.withPlace('in/a.txt', { follow: true }, async ({ folder, name }) => {
      const file = await folder.openFile(name);
      try {
        return await file.readFile('utf8');
      } finally {
        await file.close();
      }
    });
    expect(text).toBe('up/root');
    guard.close();
  });

  it('leads nowhere however often it is swapped during calls', async () => {
    const { call, root, outside } = await openBesideSecret();
    await rm(join(root, 'in'), { recursive: true });
    await mkdir(join(root, 'real'));
    await writeFile(join(root, 'real/secret.txt'), 'inside');
    symlinkSync(outside, join(root, 'trap'));
    // `in` is the folder and the trap by turns.
    let [stop, turns] = [false, 0];
    onTestFinished(() => void (stop = true));
    const swap = (): void => {
      const [next, back] = turns % 2 === 0 ? ['real', 'trap'] : ['trap', 'real'];
      const held = lstatSync(join(root, 'in'), { throwIfNoEntry: false });
      if (held !== undefined) renameSync(join(root, 'in'), join(root, back));
      renameSync(join(root, next), join(root, 'in'));
      turns += 1;
      if (!stop) void setImmediate().then(swap);
    };
    swap();
    for (let round = 0; round < 60 || turns <= 50; round += 1) {
      const answers = await Promise.all([
        call('read_text', { path: 'in/secret.txt' }),
        call('write', { path: 'in/secret.txt', content: 'inside' }),
        call('list', { path: 'in' }),
        call('grep', { path: 'in', pattern: 'the secret' }),
      ]);
      for (const { text } of answers) expect(text).not.toContain(SECRET);
      // Refusals alone may all come without a turn of the event loop, in which the swaps are made.
      await setImmediate();
    }
    stop = true;
    await expectUntouched(outside);
  }, 60_000);
});
