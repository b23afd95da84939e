import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHome, readRunningBridge } from '../../src/store/home-lock.ts';

let folder: string;
let home: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-test-lock-'));
  home = join(folder, 'not', 'there');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function change(holder: Record<string, unknown>): Promise<void> {
  const path = join(home, 'bridge.json');
  const held: unknown = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...Object(held), ...holder }));
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
  await lockHome(home);
  await change({ startMark: 'of another process' });
  expect(readRunningBridge(home)).toBeUndefined();
  (await lockHome(home)).release();
});

test('does not believe a process that has ended', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  await lockHome(home);
  await change({ pid: child.pid });
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

test('says so when the home cannot be written', async () => {
  await writeFile(join(folder, 'a-file'), '');
  await expect(lockHome(join(folder, 'a-file'))).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/cannot be written.*DRAWBRIDGE_HOME/),
  });
});
