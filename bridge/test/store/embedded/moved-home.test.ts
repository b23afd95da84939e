// A home that was copied, or is used from another container or account: it starts, and touches nothing of
// anybody else.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isAlive } from '../../../src/processes/process-facts.ts';
import { listPostgresOf } from '../../../src/processes/process-identity.ts';
import { createProcessLedger, sweepOrphans } from '../../../src/processes/process-ledger.ts';
import { chooseSharedMemory } from '../../../src/store/embedded/shared-memory.ts';
import { lockHome } from '../../../src/store/home-lock.ts';
import { openStore } from '../../../src/store/store.ts';
import {
  bridgeFolder,
  isLinux,
  isRoot,
  kill,
  leave,
  logger,
  ownerScript,
  run,
  startAndStop,
  startOwner,
  useMadeHome,
} from './made-home.ts';

// Most of these start processes from source, one after the other.
vi.setConfig({ testTimeout: 60_000 });

const made = useMadeHome();

test.runIf(isLinux)('a copy starts beside its original, and touches nothing of it', async () => {
  const deep = join(made.home, 'a'.repeat(60), 'b'.repeat(60));
  await mkdir(deep, { recursive: true });
  await run('cp', ['-a', join(made.home, 'postgres'), deep]);
  const { owner, said } = await startOwner(deep);
  expect(said).toMatchObject({ ok: true });
  const original = await realpath(join(deep, 'postgres', 'data'));
  const pids = listPostgresOf(original);
  const copy = join(made.home, 'copy', 'c'.repeat(90));
  await mkdir(join(made.home, 'copy'));
  await run('cp', ['-a', deep, copy]);

  const lock = await lockHome(copy);
  expect(await startAndStop(copy)).toBe('answered');
  lock.release();
  expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
  owner.stdin?.end();
  // It stops in order only if it still reaches its server.
  expect(await once(owner, 'exit')).toEqual([0, null]);
});

test.runIf(isLinux)('a copy does not end the servers of its original', async () => {
  const server = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  onTestFinished(() => kill(server));
  const pids = join(made.home, 'servers.pids');
  createProcessLedger({ pidFile: pids }).add(server.pid ?? 0);
  const copy = join(made.home, 'copy');
  await mkdir(copy);
  await cp(pids, join(copy, 'servers.pids'));
  expect(sweepOrphans(join(copy, 'servers.pids'))).toEqual([]);
  expect(isAlive(server.pid ?? 0)).toBe(true);
  expect(sweepOrphans(pids)).toEqual([server.pid]);
});

test.runIf(isRoot && isLinux)(
  'of two bridges in two containers, the second is refused',
  async () => {
    const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const { owner, said } = await startOwner(made.home, container);
    expect(said).toMatchObject({ ok: true });
    const second = await startOwner(made.home, container);
    expect(second.said).toMatchObject({ ok: false, code: 'home/locked' });
    expect(await readFile(join(made.home, 'bridge.json'), 'utf8')).toContain('http://127.0.0.1:1');
    await kill(owner);
    expect(await startAndStop(made.home)).toBe('answered');
  },
);

test.runIf(isRoot && isLinux).each([
  ['there is no room in /dev/shm', 'mount -t tmpfs -o size=4k tmpfs /dev/shm'],
  ['there is no /dev/shm', 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3'],
])('starts with what was made elsewhere, and from nothing, where %s', async (_, mount) => {
  for (let round = 0; round < 2; round += 1) {
    const wrapper = ['unshare', '--mount', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
    const { owner, said } = await startOwner(made.home, wrapper);
    expect(said).toMatchObject({ ok: true });
    owner.stdin?.end();
    expect(await once(owner, 'exit')).toEqual([0, null]);
    await rm(join(made.home, 'postgres'), { recursive: true });
  }
});

test.runIf(isLinux)('uses files where there is no shared memory', async () => {
  expect(await chooseSharedMemory(undefined, join(made.home, 'missing'))).toBe('mmap');
  expect(await chooseSharedMemory(undefined, made.home)).toBe('posix');
  expect(await chooseSharedMemory({ uid: 65_534, gid: 65_534 }, made.home)).toBe('mmap');
});

test.each([
  ['missing', () => rm(join(made.home, 'postgres', 'password'))],
  ['empty', () => writeFile(join(made.home, 'postgres', 'password'), '')],
])('gives the database a new password where its file is %s', async (_, spoil) => {
  await spoil();
  await leave(made.data, 'postmaster.pid', 'malformed');
  expect(await startAndStop(made.home)).toBe('answered');
  expect(await startAndStop(made.home)).toBe('answered');
  expect((await stat(join(made.home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
});

test('says what to do about a password that is another database’s', async () => {
  await writeFile(join(made.home, 'postgres', 'password'), 'another\n');
  await expect(openStore({ home: made.home, logger, version: 'test' })).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/postgres\/password is not the password.*remove it/),
  });
  await rm(join(made.home, 'postgres', 'password'));
  expect(await startAndStop(made.home)).toBe('answered');
});

test('closes a data folder that others could enter', async () => {
  await chmod(made.data, 0o755);
  expect(await startAndStop(made.home)).toBe('answered');
  expect((await stat(made.data)).mode & 0o777).toBe(0o700);
});

test.runIf(isRoot)('goes on with a copy that root made', async () => {
  await run('chown', ['-R', '0:0', made.data]);
  expect(await startAndStop(made.home)).toBe('answered');
  expect((await stat(made.data)).uid).not.toBe(0);
});

test.runIf(isRoot)('says whose the data must be where it cannot change that', async () => {
  await chmod(made.home, 0o777);
  await run('chown', ['65534:65534', made.home, join(made.home, 'postgres')]);
  await run('chown', ['-R', '12345:12345', made.data]);
  const owner = spawn(process.execPath, ['--import', 'tsx', ownerScript, made.home], {
    cwd: bridgeFolder,
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: 65_534,
    gid: 65_534,
  });
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  expect(JSON.parse(String(line))).toMatchObject({
    ok: false,
    code: 'store/start_failed',
    message: expect.stringMatching(/must belong to the user.*12345.*chown -R/),
  });
});
