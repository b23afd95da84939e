// The short form of `npm run kill-test`: two kills under load, and a few of the whole tree.
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { runKillTest } from '../scripts/kill-test.ts';

test('nothing that was answered, and nothing that was done, is missing after kill -9', async () => {
  const result = await runKillTest({ rounds: 2, callers: 16, seconds: 2 });
  expect(result.issues).toEqual([]);
  expect(result.answered).toBeGreaterThan(10);
  expect(result.reachedWitness).toBeGreaterThan(5);
}, 120_000);

const canMakeNamespaces =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;

test.runIf(canMakeNamespaces)(
  'every start succeeds at the first try after a kill of all processes that nobody reaps',
  async () => {
    const script = join(import.meta.dirname, '..', 'scripts', 'kill-test.ts');
    const options = [
      '--tree',
      '--no-reaper',
      '--rounds',
      '3',
      '--callers',
      '4',
      '--seconds',
      '0.5',
    ];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', script, ...options],
      { cwd: join(import.meta.dirname, '..') },
    );
    expect(stdout).toMatch(/starts: 3,\s+firstTries: 3,/);
    expect(stdout).toMatch(/zombies: [1-9]/);
  },
  120_000,
);
