// Whether a process lives, where a signal alone would say something else.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isAlive, readProcess } from '../../src/processes/process-facts.ts';

const NOBODY = 65_534;

/** What a user who is not root says of a process of somebody else. */
function isAliveToOthers(): boolean {
  if (process.getuid?.() !== 0) return isAlive(1);
  const other = spawn('sleep', ['60'], { uid: NOBODY, gid: NOBODY, stdio: 'ignore' });
  onTestFinished(() => void other.kill('SIGKILL'));
  process.seteuid?.(NOBODY - 1);
  try {
    return isAlive(other.pid ?? 0);
  } finally {
    process.seteuid?.(0);
  }
}

describe.runIf(process.platform === 'linux')('a process', () => {
  test('of another user lives, though it may not be signalled', () => {
    expect(isAliveToOthers()).toBe(true);
  });

  test('that nobody reaps is dead', async () => {
    // What the shell becomes knows nothing of the child that it started, which ends with its input.
    const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await expect.poll(() => readProcess(parent.pid ?? 0)?.name).toBe('sleep');
    expect(isAlive(pid)).toBe(true);
    parent.stdin.end();
    await expect.poll(() => readProcess(pid)?.state).toBe('Z');
    expect(isAlive(pid)).toBe(false);
    expect(isAlive(parent.pid ?? 0)).toBe(true);
  });
});
