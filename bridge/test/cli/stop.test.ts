// How the process ends when it is told to: while it starts, while its database is frozen, and when a
// bridge that a person starts takes over from one in the background. With the embedded PostgreSQL.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { isAlive, readChildren } from '../../src/processes/process-facts.ts';
import { LONG, type Project, type Ran, WAIT, createProject } from './project-fixture.ts';

/** It takes 8 s at most; a busy machine adds to that. */
const ENDS_MS = 15_000;

let project: Project;
beforeEach(async () => {
  project = await createProject();
});
afterEach(() => project.close(), LONG);

/** All processes below one. */
function below(pid: number): number[] {
  return readChildren(pid).flatMap((child) => [child, ...below(child)]);
}

async function endedWithin({ child, code }: Ran, ms: number): Promise<number | null> {
  const begin = performance.now();
  const pids = below(child.pid ?? 0);
  const exitCode = await code;
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: ms, interval: 20 });
  expect(performance.now() - begin).toBeLessThan(ms);
  return exitCode;
}

function postmaster(): number {
  return Number(
    readFileSync(join(project.home, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0],
  );
}

describe('a signal during the start', () => {
  // The process takes a moment to run its first line; before that, nothing is begun.
  it.each([400, 600, 900, 1_300, 1_800, 2_500])(
    'ends it: after %i ms of the first one of a home',
    async (ms) => {
      delete project.env['DATABASE_URL'];
      const start = project.run(['start']);
      await wait(ms);
      start.child.kill('SIGTERM');
      await endedWithin(start, ENDS_MS);
      expect(readRunningBridge(project.home)).toBeUndefined();
      const left = existsSync(join(project.home, 'postgres'))
        ? readdirSync(join(project.home, 'postgres'))
        : [];
      expect(left.filter((name) => name.startsWith('making-'))).toEqual([]);
    },
    LONG,
  );

  it(
    'ends initdb, and leaves nothing of it',
    async () => {
      delete project.env['DATABASE_URL'];
      const start = project.run(['start']);
      const isMaking = () =>
        readdirSync(join(project.home, 'postgres')).some((name) => name.startsWith('making-'));
      await vi.waitFor(() => expect(isMaking()).toBe(true), { ...WAIT, interval: 5 });
      start.child.kill('SIGINT');
      expect(await endedWithin(start, ENDS_MS)).toBe(0);
      expect(isMaking()).toBe(false);
      expect(readRunningBridge(project.home)).toBeUndefined();
      const again = project.run(['start']);
      await project.untilRunning();
      again.child.kill('SIGHUP');
      expect(await endedWithin(again, ENDS_MS)).toBe(0);
    },
    LONG,
  );
});

it(
  'a bridge ends in time although its whole database is frozen, and calls are answered',
  async () => {
    delete project.env['DATABASE_URL'];
    const start = project.run(['start']);
    const url = await project.untilRunning();
    const key = readFileSync(join(project.home, 'token'), 'utf8').trim();
    const call = async (): Promise<string> => {
      const response = await fetch(`${url}/v1/tools/filesystem__read_text/call`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ arguments: { path: 'hello.txt' } }),
      });
      return response.text();
    };
    expect(await call()).toContain('hello from the project');
    const pid = postmaster();
    const frozen = [pid, ...below(pid)];
    for (const each of frozen) process.kill(each, 'SIGSTOP');
    const waiting = call();
    await wait(200);
    start.child.kill('SIGTERM');
    await endedWithin(start, ENDS_MS);
    expect(await waiting).toMatch(/bridge\/(?:stopping|outcome_unknown)|log\/unavailable/);
    expect(frozen.filter(isAlive)).toEqual([]);
    const again = project.run(['start']);
    await project.untilRunning();
    again.child.kill('SIGTERM');
    expect(await endedWithin(again, ENDS_MS)).toBe(0);
  },
  LONG,
);

it(
  'a bridge that a person starts takes the home over from one in the background, whose clients join it',
  async () => {
    const client = await project.legacy([]);
    const read = async () =>
      JSON.stringify(
        await client.callTool({
          name: 'filesystem__read_text',
          arguments: { path: join(project.cwd, 'hello.txt') },
        }),
      );
    expect(await read()).toContain('hello from the project');
    const before = readRunningBridge(project.home);
    expect(before?.isBackground).toBe(true);
    const calls: Promise<string>[] = [];
    const load = setInterval(() => calls.push(read()), 20);
    const start = project.run(['start']);
    await vi.waitFor(
      () => expect(readRunningBridge(project.home)?.pid).toBe(start.child.pid),
      WAIT,
    );
    await project.untilRunning();
    clearInterval(load);
    for (const answer of await Promise.all(calls))
      expect(answer).toContain('hello from the project');
    expect(await read()).toContain('hello from the project');
    expect(readRunningBridge(project.home)?.pid).toBe(start.child.pid);
    expect(existsSync(join(project.home, 'starting'))).toBe(false);
    // Two that persons start don't take it from each other.
    const second = project.run(['start']);
    expect(await second.code).toBe(3);
  },
  LONG,
);
