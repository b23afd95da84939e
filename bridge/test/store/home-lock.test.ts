import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBootId } from '../../src/processes/process-facts.ts';
import { tryLock } from '../../src/store/file-lock.ts';
import { lockHome, readRunningBridge } from '../../src/store/home-lock.ts';

let folder: string;
let home: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-test-lock-'));
  home = join(folder, 'not', 'there');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** What a bridge leaves that is killed, as if it had been another one in some respect. */
async function leave(holder: Record<string, unknown>): Promise<void> {
  const lock = await lockHome(home);
  const path = join(home, 'bridge.json');
  const held: unknown = JSON.parse(await readFile(path, 'utf8'));
  lock.release();
  await writeFile(path, JSON.stringify({ ...Object(held), ...holder }));
}

/** Where a system has no `flock`. */
async function withoutKernelLock<T>(work: () => Promise<T>): Promise<T> {
  const { PATH } = process.env;
  process.env['PATH'] = folder;
  try {
    return await work();
  } finally {
    process.env['PATH'] = PATH;
  }
}

/** Until another process has the kernel's lock of the home. */
async function untilHeld(): Promise<void> {
  for (;;) {
    const lock = tryLock(join(home, 'lock'));
    if (lock === 'held') return;
    if (lock !== 'unknown') lock.release();
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** Takes and releases the home; returns who had it meanwhile. */
async function take(): Promise<number | undefined> {
  const lock = await lockHome(home);
  const running = readRunningBridge(home);
  lock.release();
  return running?.pid;
}

test('makes the home for its owner alone and gives it to one', async () => {
  const lock = await lockHome(home);
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  expect((await stat(join(home, 'bridge.json'))).mode & 0o777).toBe(0o600);
  await expect(lockHome(home)).rejects.toMatchObject({
    code: 'home/locked',
    details: { pid: process.pid },
  });
  lock.release();
  lock.release();
  (await lockHome(home)).release();
});

test('tells where the bridge listens as long as it runs', async () => {
  expect(readRunningBridge(home)).toBeUndefined();
  const lock = await lockHome(home);
  expect(readRunningBridge(home)).toEqual({
    pid: process.pid,
    startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  lock.announce({ url: 'http://127.0.0.1:11100' });
  expect(readRunningBridge(home)).toMatchObject({ url: 'http://127.0.0.1:11100' });
  await expect(lockHome(home)).rejects.toThrow(/pid \d+, http:\/\/127\.0\.0\.1:11100/);
  lock.release();
  lock.announce({ url: 'http://127.0.0.1:11100' });
  expect(readRunningBridge(home)).toBeUndefined();
});

test('does not believe a number that another process has now', async () => {
  await leave({ startMark: 'of another process' });
  expect(readRunningBridge(home)).toBeUndefined();
  (await lockHome(home)).release();
});

test('does not believe a process that has ended', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  await leave({ pid: child.pid });
  expect(await take()).toBe(process.pid);
});

test('takes a home whose file is broken', async () => {
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'bridge.json'), '{"pid":');
  expect(await take()).toBe(process.pid);
});

test('lets in one of many that come at once', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockHome(home)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('goes on when a bridge was killed while it took the home', async () => {
  const turn = join(home, 'bridge.lock');
  await mkdir(turn, { recursive: true });
  const old = new Date(Date.now() - 60_000);
  await utimes(turn, old, old);
  expect(await take()).toBe(process.pid);
});

test('goes on after such a kill though the clock was set back, also without `flock`', async () => {
  const turn = join(home, 'bridge.lock');
  await mkdir(turn, { recursive: true });
  const future = new Date(Date.now() + 86_400_000);
  await utimes(turn, future, future);
  expect(await take()).toBe(process.pid);
  expect(await withoutKernelLock(take)).toBe(process.pid);
}, 30_000);

test('takes a home at once that a process is holding while it dies', async () => {
  await mkdir(home, { recursive: true });
  // Its `bridge.json` was never written, or names a zombie: only the kernel knows.
  const dying = spawn('flock', [join(home, 'lock'), 'sleep', '1'], { stdio: 'ignore' });
  await once(dying, 'spawn');
  await untilHeld();
  expect(await take()).toBe(process.pid);
});

test('refuses a home that is held where it cannot be seen, and says so', async () => {
  await mkdir(home, { recursive: true });
  const other = spawn('flock', ['--no-fork', join(home, 'lock'), 'sleep', '60'], {
    stdio: 'ignore',
  });
  await once(other, 'spawn');
  await untilHeld();
  await expect(lockHome(home)).rejects.toMatchObject({
    code: 'home/locked',
    message: expect.stringMatching(/cannot be seen.*Stop it.*DRAWBRIDGE_HOME/),
  });
  other.kill('SIGKILL');
  expect(await take()).toBe(process.pid);
}, 30_000);

test('without `flock`, refuses what a bridge of another container may still hold', async () => {
  await leave({ space: `${readBootId()} pid:[1]` });
  await withoutKernelLock(() =>
    expect(lockHome(home)).rejects.toThrow(/another container.*util-linux.*remove .*bridge\.json/),
  );
  // After a restart of the machine nothing of it lives.
  await leave({ space: 'another boot pid:[1]' });
  expect(await withoutKernelLock(take)).toBe(process.pid);
});

test('a copy of a home that is in use is nobody’s, and the original stays taken', async () => {
  const lock = await lockHome(home);
  lock.announce({ url: 'http://127.0.0.1:11100' });
  const copy = join(folder, 'copy');
  await cp(home, copy, { recursive: true, preserveTimestamps: true });
  expect(readRunningBridge(copy)).toBeUndefined();
  (await lockHome(copy)).release();
  expect(readRunningBridge(home)).toMatchObject({ pid: process.pid });
  lock.release();
});

test('says so when the home cannot be written', async () => {
  await writeFile(join(folder, 'a-file'), '');
  await expect(lockHome(join(folder, 'a-file'))).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/cannot be written.*DRAWBRIDGE_HOME/),
  });
});
