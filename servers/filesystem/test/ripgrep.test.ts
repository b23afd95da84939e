// What a caller writes is never an option of ripgrep, and no search outlives its limits.
import { existsSync } from 'node:fs';
import { open, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRipgrep, openFolder, searchFolder } from '@drawbridge/paths';
import { openBesideSecret } from './secret.ts';

describe('ripgrep', () => {
  it.each(['--pre=/bin/sh', '-f/etc/passwd', '--', '--files', '-e', '--search-zip'])(
    'takes %s as a pattern, not as an option',
    async (pattern) => {
      const { call, root } = await openBesideSecret();
      await writeFile(join(root, 'options.txt'), `before ${pattern} after\n`);
      const { output } = await call('grep', { pattern, literal: true });
      expect(output['matches']).toEqual([
        { path: 'options.txt', line: 1, text: `before ${pattern} after` },
      ]);
    },
  );

  it('takes no option through a glob or a path, and none from the environment', async () => {
    const { call, base } = await openBesideSecret();
    const script = join(base, 'run.sh');
    await writeFile(script, `#!/bin/sh\ntouch ${base}/ran\n`, { mode: 0o755 });
    await writeFile(join(base, 'rc'), `--pre=${script}\n`);
    process.env['RIPGREP_CONFIG_PATH'] = join(base, 'rc');
    onTestFinished(() => void delete process.env['RIPGREP_CONFIG_PATH']);
    await call('grep', { pattern: 'x', glob: `--pre=${script}` });
    await call('grep', { pattern: 'x', path: `--pre=${script}` });
    await call('find', { pattern: `--pre=${script}` });
    expect((await call('grep', { pattern: 'inside' })).text).toContain('in/a.txt');
    expect(existsSync(join(base, 'ran'))).toBe(false);
  });
});

describe('a search', () => {
  it('with a regular expression that would explode elsewhere answers at once', async () => {
    const { call, root } = await openBesideSecret();
    await writeFile(join(root, 'x.txt'), `${'x'.repeat(50_000)}\n`);
    const before = performance.now();
    await call('grep', { pattern: '(x+x+)+y' });
    await call('find', { pattern: `${'*a'.repeat(40)}b` });
    expect(performance.now() - before).toBeLessThan(5_000);
    const huge = await call('grep', { pattern: '((a{1,300}){1,300}){1,300}' });
    expect(huge.text).toContain('pattern was refused');
  });

  it('that takes too long is stopped, and the error says so', async () => {
    const endless = await open('/dev/zero');
    onTestFinished(() => endless.close());
    const search = createRipgrep(20)(['--text', '--null-data', '--', 'x', '-'], {
      stdin: endless.fd,
      signal: new AbortController().signal,
      take: () => true,
    });
    await expect(search).rejects.toThrow('took longer than 0.02 s');
  });

  it('that is cancelled ends its process', async () => {
    const stop = new AbortController();
    const endless = await open('/dev/zero');
    const search = createRipgrep()(['--text', '--null-data', '--', '^', '-'], {
      stdin: endless.fd,
      signal: stop.signal,
      take: () => {
        stop.abort(new Error('cancelled'));
        return true;
      },
    });
    await expect(search).rejects.toThrow('cancelled');
    await endless.close();
  });

  it('that takes long says so every second', async () => {
    const stop = new AbortController();
    const endless = await open('/dev/zero');
    const heard: unknown[] = [];
    const search = createRipgrep()(['--text', '--null-data', '--', 'x', '-'], {
      stdin: endless.fd,
      signal: stop.signal,
      progress: async (...progress) => {
        heard.push(progress);
        stop.abort(new Error('heard enough'));
      },
      take: () => true,
    });
    await expect(search).rejects.toThrow('heard enough');
    expect(heard).toEqual([[1, 20, 'searching']]);
    await endless.close();
  });

  it('answers the same whether its lines are compared or its files are searched again', async () => {
    const { root } = await openBesideSecret();
    for (const name of ['b-b', 'b/x', 'b/a', 'a.a', 'a/z', 'c']) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), 'one x\ntwo x\n');
    }
    const folder = openFolder(root, () => {});
    onTestFinished(() => folder.close());
    const search = {
      pattern: 'x',
      options: [],
      walk: [],
      context: 0,
      filesOnly: false,
      needed: 100,
      hides: () => () => false,
      ripgrep: createRipgrep(),
      begun: performance.now(),
      signal: new AbortController().signal,
    };
    const compared = await searchFolder(search, folder);
    expect(compared).toHaveLength(12);
    expect(await searchFolder({ ...search, mostProposed: 3 }, folder)).toEqual(compared);
  });
});
