// What a killed bridge leaves in its home: the next start of it succeeds, and ends only what is its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isAlive, readProcess } from '../../../src/processes/process-facts.ts';
import { listPostgresOf } from '../../../src/processes/process-identity.ts';
import { findAccount } from '../../../src/store/embedded/account.ts';
import { findBinaries } from '../../../src/store/embedded/binaries.ts';
import { takeCluster } from '../../../src/store/embedded/former-server.ts';
import { createLauncher } from '../../../src/store/embedded/launch.ts';
import { createEmbeddedServer } from '../../../src/store/embedded/server.ts';
import {
  bridgeFolder,
  isLinux,
  kill,
  leave,
  logger,
  ownerScript,
  run,
  startAndStop,
  startOwner,
  until,
  useMadeHome,
} from './made-home.ts';

// Most of these start processes from source, one after the other.
vi.setConfig({ testTimeout: 60_000 });

const made = useMadeHome();

/** Of PostgreSQL's account, as PostgreSQL asks only for processes of its own user. */
async function spawnAsPostgres(data: string, ...command: string[]): Promise<ChildProcess> {
  const [program = '', ...args] = command;
  const account = await findAccount(data);
  const child = spawn(program, args, { ...account, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => kill(child));
  await once(child, 'spawn');
  return child;
}

function pidFile(data: string, pid: number): string {
  return `${pid}\n${data}\n1\n5432\n.\n\n  1  1\nready   \n`;
}

test.runIf(isLinux)(
  'starts though the server before it is a zombie that nobody reaps',
  async () => {
    // The shell becomes a program that knows of no children.
    const parent = await spawnAsPostgres(
      made.data,
      'sh',
      '-c',
      'sleep 0 & echo $!; exec sleep 600',
    );
    if (parent.stdout === null) throw new Error('no output');
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const zombie = Number(line);
    await until(() => !isAlive(zombie));
    process.kill(zombie, 0);
    await leave(made.data, 'postmaster.pid', pidFile(made.data, zombie));
    await leave(made.data, '.s.PGSQL.5432.lock', pidFile(made.data, zombie));
    expect(await startAndStop(made.home)).toBe('answered');
  },
);

test('starts though the lock of its socket names a process of somebody else', async () => {
  const other = await spawnAsPostgres(made.data, 'sleep', '600');
  await leave(made.data, '.s.PGSQL.5432.lock', pidFile(made.data, other.pid ?? 0));
  expect(await startAndStop(made.home)).toBe('answered');
  expect(isAlive(other.pid ?? 0)).toBe(true);
});

test.each(['', 'rubbish\n', '\0\0\0\0\0\0\0\0'])(
  'starts though postmaster.pid holds %j',
  async (text) => {
    await leave(made.data, 'postmaster.pid', text);
    await leave(made.data, '.s.PGSQL.5432.lock', text);
    expect(await startAndStop(made.home)).toBe('answered');
  },
);

test('makes the database anew while the initdb of a killed bridge is still at work', async () => {
  await rm(made.data, { recursive: true });
  const launcher = createLauncher(await findAccount(made.data));
  const { initdb } = await findBinaries(launcher.account);
  const making = join(made.home, 'postgres', 'making-killed');
  const folder = join(making, 'data');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (launcher.account !== undefined) {
    const { uid, gid } = launcher.account;
    for (const path of [making, folder]) await chown(path, uid, gid);
  }
  const args = [`--pgdata=${launcher.toDataArgument(folder)}`, '--username=drawbridge'];
  const child = launcher.launch({ program: initdb, args, cwd: folder, output: 'pipe' });
  const ended = once(child, 'exit');
  child.stdout?.resume();
  await delay(100);
  expect(await startAndStop(made.home)).toBe('answered');
  expect(await ended).not.toEqual([0, null]);
  expect(await readdir(join(made.home, 'postgres'))).not.toContain('making-killed');
});

test.each([100, 400, 900])(
  'starts after its first start was killed %i ms into it, with all it had begun',
  async (ms) => {
    await rm(join(made.home, 'postgres'), { recursive: true });
    const owner = spawn(process.execPath, ['--import', 'tsx', ownerScript, made.home], {
      cwd: bridgeFolder,
      stdio: 'ignore',
    });
    // From the moment on that it works in the home.
    while (!(await readdir(made.home)).includes('postgres')) await delay(5);
    await delay(ms);
    await kill(owner);
    expect(await startAndStop(made.home)).toBe('answered');
    expect((await readdir(join(made.home, 'postgres'))).sort()).toEqual([
      'data',
      'lock',
      'password',
      'postgres.log',
    ]);
  },
);

test.each([1, 200])('called off %i ms into its first start, leaves nothing', async (ms) => {
  await rm(join(made.home, 'postgres'), { recursive: true });
  const signal = AbortSignal.timeout(ms);
  await expect(createEmbeddedServer({ home: made.home, logger, signal })).rejects.toThrow(/abort/i);
  expect(await readdir(join(made.home, 'postgres'))).not.toContainEqual(
    expect.stringContaining('making'),
  );
  expect(await startAndStop(made.home)).toBe('answered');
});

test.runIf(isLinux)('ends a server that was stopped, and its children without it', async () => {
  const { owner } = await startOwner(made.home);
  const pids = listPostgresOf(made.data);
  const server = Number((await readFile(join(made.data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await kill(owner);
  process.kill(server, 'SIGKILL');
  expect(await startAndStop(made.home)).toBe('answered');
  expect(pids.filter(isAlive)).toEqual([]);
});

// Holds: start/one-server
test('refuses while something that cannot be seen works in the data folder', async () => {
  const lock = join(made.home, 'postgres', 'lock');
  const other = spawn('flock', ['--no-fork', lock, 'sleep', '600'], { stdio: 'ignore' });
  onTestFinished(() => kill(other));
  await until(() => isHolding(other));
  const folder = join(made.home, 'postgres');
  await expect(takeCluster({ folder, logger, timeoutMs: 200 })).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/cannot be seen.*second one would destroy.*Stop the bridge/),
  });
  expect(isAlive(other.pid ?? 0)).toBe(true);
  await kill(other);
  expect(await startAndStop(made.home)).toBe('answered');
});

/** It becomes `sleep` when it has the lock. */
function isHolding({ pid = 0 }: ChildProcess): boolean {
  return readProcess(pid)?.name === 'sleep';
}

test('refuses while a server without the lock takes connections in the data folder', async () => {
  const server = createServer().listen(join(made.data, '.s.PGSQL.5432'));
  await once(server, 'listening');
  await expect(startAndStop(made.home)).rejects.toThrow(/cannot be seen.*Stop the bridge/);
  server.close();
  await once(server, 'close');
  expect(await startAndStop(made.home)).toBe('answered');
});

test('a killed bridge’s socket folder goes with the next start, and no other', async () => {
  const homes = ['a', 'b'].map((name) => join(made.home, name.repeat(60), name.repeat(60)));
  const [mine = '', other = ''] = homes;
  for (const deep of homes) {
    await mkdir(deep, { recursive: true });
    await run('cp', ['-a', join(made.home, 'postgres'), deep]);
  }
  await startOwner(other);
  const living = await listSocketFolders();
  const { owner } = await startOwner(mine);
  await kill(owner);
  await until(() => listPostgresOf(join(mine, 'postgres', 'data')).length === 0);
  expect(await listSocketFolders()).toHaveLength(living.length + 1);
  expect(await startAndStop(mine)).toBe('answered');
  expect(await listSocketFolders()).toEqual(living);
  expect(living).toHaveLength(1);
});

async function listSocketFolders(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('drawbridge-socket-')).sort();
}
