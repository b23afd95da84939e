// Limits and ends of what is run.
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createGitRunner, type Folders } from '../src/index.ts';

const folders: Folders = {
  resolve: (path) => Promise.resolve(realpathSync(path)),
  show: (path) => path,
};

function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'drawbridge-runner-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open() {
  const base = temporaryFolder();
  const repository = join(base, 'r');
  const state = join(base, 'state');
  mkdirSync(repository);
  mkdirSync(state);
  execFileSync('git', ['init', '--quiet', '-b', 'main'], {
    cwd: repository,
    env: { PATH: process.env['PATH'], HOME: base },
  });
  const runner = createGitRunner({ stateFolder: () => state, env: { PATH: process.env['PATH'] } });
  const use = (effect: 'read' | 'write' = 'read', signal = new AbortController().signal) =>
    ({ folders, effect, signal }) as const;
  return { base, repository, state, runner, use };
}

it('builds the environment from nothing', async () => {
  vi.stubEnv('GIT_DIR', '/elsewhere');
  vi.stubEnv('GIT_EXTERNAL_DIFF', 'program');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { repository, runner, use } = open();
  const output = await runner.withRepository(repository, use(), ({ run }) => run(['var', '-l']));
  expect(output.stdout.toString()).toContain('core.hookspath=/dev/null');
  expect(output.stdout.toString()).not.toContain('elsewhere');
});

it('leaves nothing of a call, and removes what a killed process left', async () => {
  const { repository, state, runner, use } = open();
  const old = join(state, 'calls/call-old');
  mkdirSync(old, { recursive: true });
  utimesSync(old, 1, 1);
  await runner.withRepository(repository, use('write'), ({ run }) => run(['status']));
  expect(readdirSync(join(state, 'calls'))).toEqual([]);
});

it('refuses output over the limit, or cuts it', async () => {
  const { repository, runner, use } = open();
  const { stdout } = await runner.withRepository(repository, use('write'), ({ run }) =>
    run(['hash-object', '-w', '--stdin'], { input: 'x'.repeat(1_000_000) }),
  );
  const args = ['cat-file', 'blob', stdout.toString().trim()];
  await expect(
    runner.withRepository(repository, use(), ({ run }) => run(args, { maxBytes: 1_000 })),
  ).rejects.toThrow('answered more than 1000 bytes');
  const cut = await runner.withRepository(repository, use(), ({ run }) =>
    run(args, { maxBytes: 1_000, cut: true }),
  );
  expect(cut.cut).toBe(true);
});

it('stops at the time limit, and when the caller goes away', async () => {
  const { base, repository, runner, use } = open();
  // An editor that never ends stands for whatever hangs.
  const pid = join(base, 'pid');
  const slow = {
    GIT_EDITOR: `sh -c 'echo $$ > ${pid}; sleep 600' x`,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a',
  };
  const commit = ['commit', '--allow-empty', '--edit'];
  await expect(
    runner.withRepository(repository, use('write'), ({ run }) =>
      run(commit, { env: slow, timeout: 300 }),
    ),
  ).rejects.toThrow('git commit took longer than 0.3 s and was stopped');
  const partial = await runner.withRepository(repository, use('write'), ({ run }) =>
    run(commit, { env: slow, timeout: 300, partial: true }),
  );
  expect(partial.cut).toBe(true);
  await expect.poll(() => isAlive(pid)).toBe(false);
  rmSync(pid, { force: true });
  const controller = new AbortController();
  const running = runner.withRepository(repository, use('write', controller.signal), ({ run }) =>
    run(commit, { env: slow }),
  );
  running.catch(() => undefined);
  await expect.poll(() => existsSync(pid) && readFileSync(pid, 'utf8') !== '').toBe(true);
  controller.abort(new Error('gone'));
  await expect(running).rejects.toThrow('gone');
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

it('what runs ends when its server is killed and can end nothing itself', async () => {
  const { base } = open();
  const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));
  const script = fileURLToPath(new URL('killed-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', `file://${tsx}`, script, base], {
    env: { PATH: process.env['PATH'] },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const pid = join(base, 'pid');
  await expect.poll(() => existsSync(pid) && readFileSync(pid, 'utf8') !== '').toBe(true);
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
});

it('says so when a repository leads nowhere', async () => {
  const { base, runner, use } = open();
  const other = join(base, 'other');
  mkdirSync(other);
  writeFileSync(join(other, '.git'), 'not a pointer\n');
  await expect(runner.withRepository(other, use(), () => Promise.resolve())).rejects.toThrow(
    'The .git file names no folder.',
  );
});
