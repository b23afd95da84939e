// What a killed bridge, a copy or a container leaves in a home: the next start of it succeeds, and touches
// nothing of anybody else.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { pino } from 'pino';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { isAlive, readProcess } from '../../../src/processes/process-facts.ts';
import { findAccount } from '../../../src/store/embedded/account.ts';
import { findBinaries } from '../../../src/store/embedded/binaries.ts';
import { takeCluster } from '../../../src/store/embedded/former-server.ts';
import { createLauncher } from '../../../src/store/embedded/launch.ts';
import { createEmbeddedServer } from '../../../src/store/embedded/server.ts';
import { chooseSharedMemory } from '../../../src/store/embedded/shared-memory.ts';
import { lockHome } from '../../../src/store/home-lock.ts';
import { listPostgresOf } from '../../../src/processes/process-identity.ts';
import { openStore } from '../../../src/store/store.ts';
import { createProcessLedger, sweepOrphans } from '../../../src/processes/process-ledger.ts';

// Most of these start processes from source, one after the other.
vi.setConfig({ testTimeout: 60_000 });

const logger = pino({ level: 'silent' });
const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';
const script = resolve(import.meta.dirname, '../owner-process.ts');

let temporary: string;
let made: string;
let home: string;
let data: string;

beforeAll(async () => {
  // Of this file alone, as it counts the socket folders in it; PostgreSQL's account must reach it.
  temporary = await mkdtemp('/tmp/drawbridge-');
  await chmod(temporary, 0o1777);
  vi.stubEnv('TMPDIR', temporary);
  made = await mkdtemp(join(tmpdir(), 'drawbridge-test-made-'));
  await (await createEmbeddedServer({ home: made, logger, fsync: false })).close();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'drawbridge-test-left-'));
  data = join(home, 'postgres', 'data');
  await run('cp', ['-a', join(made, 'postgres'), home]);
});

afterEach(async () => {
  await until(() => listPostgresOf(data).length === 0);
  await rm(home, { recursive: true, force: true });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await delay(10);
}

/** Starts, asks one question, stops. */
async function startAndStop(at = home): Promise<string> {
  const server = await createEmbeddedServer({ home: at, logger, fsync: false });
  try {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    return 'answered';
  } finally {
    await server.close();
  }
}

/** A file in the data folder as PostgreSQL's own account would have left it. */
async function leave(name: string, text: string): Promise<void> {
  const account = await findAccount(data);
  await writeFile(join(data, name), text, { mode: 0o600 });
  if (account !== undefined) await chown(join(data, name), account.uid, account.gid);
}

/** A bridge as far as the store goes, in a process group of its own. */
async function startOwner(
  at = home,
  wrapper: readonly string[] = [],
): Promise<{ owner: ChildProcess; said: Record<string, unknown> }> {
  const [program = '', ...args] = [...wrapper, process.execPath, '--import', 'tsx', script, at];
  const owner = spawn(program, args, {
    cwd: resolve(import.meta.dirname, '../../..'),
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  onTestFinished(() => kill(owner));
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  return { owner, said: JSON.parse(String(line)) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Of PostgreSQL's account, as PostgreSQL asks only for processes of its own user. */
async function spawnAsPostgres(...command: string[]): Promise<ChildProcess> {
  const [program = '', ...args] = command;
  const account = await findAccount(data);
  const child = spawn(program, args, { ...account, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => kill(child));
  await once(child, 'spawn');
  return child;
}

function pidFile(pid: number): string {
  return `${pid}\n${data}\n1\n5432\n.\n\n  1  1\nready   \n`;
}

test.runIf(isLinux)(
  'starts though the server before it is a zombie that nobody reaps',
  async () => {
    // The shell becomes a program that knows of no children.
    const parent = await spawnAsPostgres('sh', '-c', 'sleep 0 & echo $!; exec sleep 600');
    if (parent.stdout === null) throw new Error('no output');
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const zombie = Number(line);
    await until(() => !isAlive(zombie));
    process.kill(zombie, 0);
    await leave('postmaster.pid', pidFile(zombie));
    await leave('.s.PGSQL.5432.lock', pidFile(zombie));
    expect(await startAndStop()).toBe('answered');
  },
);

test('starts though the lock of its socket names a process of somebody else', async () => {
  const other = await spawnAsPostgres('sleep', '600');
  await leave('.s.PGSQL.5432.lock', pidFile(other.pid ?? 0));
  expect(await startAndStop()).toBe('answered');
  expect(isAlive(other.pid ?? 0)).toBe(true);
});

test.each(['', 'rubbish\n', '\0\0\0\0\0\0\0\0'])(
  'starts though postmaster.pid holds %j',
  async (text) => {
    await leave('postmaster.pid', text);
    await leave('.s.PGSQL.5432.lock', text);
    expect(await startAndStop()).toBe('answered');
  },
);

test('makes the database anew while the initdb of a killed bridge is still at work', async () => {
  await rm(data, { recursive: true });
  const launcher = createLauncher(await findAccount(data));
  const { initdb } = await findBinaries(launcher.account);
  const making = join(home, 'postgres', 'making-killed');
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
  expect(await startAndStop()).toBe('answered');
  expect(await ended).not.toEqual([0, null]);
  expect(await readdir(join(home, 'postgres'))).not.toContain('making-killed');
});

test.each([100, 400, 900])(
  'starts after its first start was killed %i ms into it, with all it had begun',
  async (ms) => {
    await rm(join(home, 'postgres'), { recursive: true });
    const owner = spawn(process.execPath, ['--import', 'tsx', script, home], {
      cwd: resolve(import.meta.dirname, '../../..'),
      stdio: 'ignore',
    });
    // From the moment on that it works in the home.
    while (!(await readdir(home)).includes('postgres')) await delay(5);
    await delay(ms);
    await kill(owner);
    expect(await startAndStop()).toBe('answered');
    expect((await readdir(join(home, 'postgres'))).sort()).toEqual([
      'data',
      'lock',
      'password',
      'postgres.log',
    ]);
  },
);

test.each([1, 200])('called off %i ms into its first start, leaves nothing', async (ms) => {
  await rm(join(home, 'postgres'), { recursive: true });
  const signal = AbortSignal.timeout(ms);
  await expect(createEmbeddedServer({ home, logger, signal })).rejects.toThrow(/abort/i);
  expect(await readdir(join(home, 'postgres'))).not.toContainEqual(
    expect.stringContaining('making'),
  );
  expect(await startAndStop()).toBe('answered');
});

test.runIf(isLinux)('ends a server that was stopped, and its children without it', async () => {
  const { owner } = await startOwner();
  const pids = listPostgresOf(data);
  const server = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await kill(owner);
  process.kill(server, 'SIGKILL');
  expect(await startAndStop()).toBe('answered');
  expect(pids.filter(isAlive)).toEqual([]);
});

test.runIf(isLinux)('a copy starts beside its original, and touches nothing of it', async () => {
  const deep = join(home, 'a'.repeat(60), 'b'.repeat(60));
  await mkdir(deep, { recursive: true });
  await run('cp', ['-a', join(home, 'postgres'), deep]);
  const { owner, said } = await startOwner(deep);
  expect(said).toMatchObject({ ok: true });
  const original = await realpath(join(deep, 'postgres', 'data'));
  const pids = listPostgresOf(original);
  const copy = join(home, 'copy', 'c'.repeat(90));
  await mkdir(join(home, 'copy'));
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
  const pids = join(home, 'servers.pids');
  createProcessLedger({ pidFile: pids }).add(server.pid ?? 0);
  const copy = join(home, 'copy');
  await mkdir(copy);
  await cp(pids, join(copy, 'servers.pids'));
  expect(sweepOrphans(join(copy, 'servers.pids'))).toEqual([]);
  expect(isAlive(server.pid ?? 0)).toBe(true);
  expect(sweepOrphans(pids)).toEqual([server.pid]);
});

// Holds: start/one-server
test('refuses while something that cannot be seen works in the data folder', async () => {
  const lock = join(home, 'postgres', 'lock');
  const other = spawn('flock', ['--no-fork', lock, 'sleep', '600'], { stdio: 'ignore' });
  onTestFinished(() => kill(other));
  await until(() => isHolding(other));
  const folder = join(home, 'postgres');
  await expect(takeCluster({ folder, logger, timeoutMs: 200 })).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/cannot be seen.*second one would destroy.*Stop the bridge/),
  });
  expect(isAlive(other.pid ?? 0)).toBe(true);
  await kill(other);
  expect(await startAndStop()).toBe('answered');
});

/** It becomes `sleep` when it has the lock. */
function isHolding({ pid = 0 }: ChildProcess): boolean {
  return readProcess(pid)?.name === 'sleep';
}

test('refuses while a server without the lock takes connections in the data folder', async () => {
  const server = createServer().listen(join(data, '.s.PGSQL.5432'));
  await once(server, 'listening');
  await expect(startAndStop()).rejects.toThrow(/cannot be seen.*Stop the bridge/);
  server.close();
  await once(server, 'close');
  expect(await startAndStop()).toBe('answered');
});

test.runIf(isRoot && isLinux)(
  'of two bridges in two containers, the second is refused',
  async () => {
    const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const { owner, said } = await startOwner(home, container);
    expect(said).toMatchObject({ ok: true });
    const second = await startOwner(home, container);
    expect(second.said).toMatchObject({ ok: false, code: 'home/locked' });
    expect(await readFile(join(home, 'bridge.json'), 'utf8')).toContain('http://127.0.0.1:1');
    await kill(owner);
    expect(await startAndStop()).toBe('answered');
  },
);

test.runIf(isRoot && isLinux).each([
  ['there is no room in /dev/shm', 'mount -t tmpfs -o size=4k tmpfs /dev/shm'],
  ['there is no /dev/shm', 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3'],
])('starts with what was made elsewhere, and from nothing, where %s', async (_, mount) => {
  for (let round = 0; round < 2; round += 1) {
    const wrapper = ['unshare', '--mount', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
    const { owner, said } = await startOwner(home, wrapper);
    expect(said).toMatchObject({ ok: true });
    owner.stdin?.end();
    expect(await once(owner, 'exit')).toEqual([0, null]);
    await rm(join(home, 'postgres'), { recursive: true });
  }
});

test.runIf(isLinux)('uses files where there is no shared memory', async () => {
  expect(await chooseSharedMemory(undefined, join(home, 'missing'))).toBe('mmap');
  expect(await chooseSharedMemory(undefined, home)).toBe('posix');
  expect(await chooseSharedMemory({ uid: 65_534, gid: 65_534 }, home)).toBe('mmap');
});

test.each([
  ['missing', () => rm(join(home, 'postgres', 'password'))],
  ['empty', () => writeFile(join(home, 'postgres', 'password'), '')],
])('gives the database a new password where its file is %s', async (_, spoil) => {
  await spoil();
  await leave('postmaster.pid', 'malformed');
  expect(await startAndStop()).toBe('answered');
  expect(await startAndStop()).toBe('answered');
  expect((await stat(join(home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
});

test('says what to do about a password that is another database’s', async () => {
  await writeFile(join(home, 'postgres', 'password'), 'another\n');
  await expect(openStore({ home, logger, version: 'test' })).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/postgres\/password is not the password.*remove it/),
  });
  await rm(join(home, 'postgres', 'password'));
  expect(await startAndStop()).toBe('answered');
});

test('closes a data folder that others could enter', async () => {
  await chmod(data, 0o755);
  expect(await startAndStop()).toBe('answered');
  expect((await stat(data)).mode & 0o777).toBe(0o700);
});

test.runIf(isRoot)('goes on with a copy that root made', async () => {
  await run('chown', ['-R', '0:0', data]);
  expect(await startAndStop()).toBe('answered');
  expect((await stat(data)).uid).not.toBe(0);
});

test.runIf(isRoot)('says whose the data must be where it cannot change that', async () => {
  await chmod(home, 0o777);
  await run('chown', ['65534:65534', home, join(home, 'postgres')]);
  await run('chown', ['-R', '12345:12345', data]);
  const owner = spawn(process.execPath, ['--import', 'tsx', script, home], {
    cwd: resolve(import.meta.dirname, '../../..'),
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

test('a killed bridge’s socket folder goes with the next start, and no other', async () => {
  const homes = ['a', 'b'].map((name) => join(home, name.repeat(60), name.repeat(60)));
  const [mine = '', other = ''] = homes;
  for (const deep of homes) {
    await mkdir(deep, { recursive: true });
    await run('cp', ['-a', join(home, 'postgres'), deep]);
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
