import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findAccount } from '../../src/store/embedded/account.ts';
import { createAddress } from '../../src/store/embedded/address.ts';
import { copyForAccount, findBinaries, findPackage } from '../../src/store/embedded/binaries.ts';
import { createLauncher } from '../../src/store/embedded/launch.ts';
import { startPostmaster } from '../../src/store/embedded/postmaster.ts';
import { createEmbeddedServer } from '../../src/store/embedded/server.ts';
import { isAlive } from '../../src/processes/process-facts.ts';
import { listPostgresOf } from '../../src/processes/process-identity.ts';
import { openStore } from '../../src/store/store.ts';
import { tenants } from '../../src/store/tables/index.ts';

const logger = pino({ level: 'silent' });
const run = promisify(execFile);
/** How the names of tests begin that need an empty home. */
const FIRST = 'from nothing, ';
const isRoot = process.getuid?.() === 0;

let made: string;
let home: string;
let owners: ChildProcess[];

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'drawbridge-test-made-'));
  await (await openStore({ home: made, logger, version: 'test' })).close();
});

afterAll(() => rm(made, { recursive: true, force: true }));

/** A home that was used before, unless the test makes its own: saves it a second. */
beforeEach(async ({ task }) => {
  home = await mkdtemp(join(tmpdir(), 'drawbridge-test-home-'));
  owners = [];
  if (!task.name.startsWith(FIRST)) await run('cp', ['-a', join(made, 'postgres'), home]);
});

afterEach(async () => {
  for (const owner of owners) await killOwner(owner);
  await until(async () => (await listServers()).length === 0);
  await rm(home, { recursive: true, force: true });
});

/** A row written by the owner process, or why it could not. */
async function startOwner(
  options: { uid?: number; gid?: number } = {},
): Promise<{ owner: ChildProcess; said: Record<string, unknown> }> {
  const script = resolve(import.meta.dirname, 'owner-process.ts');
  const owner = spawn(process.execPath, ['--import', 'tsx', script, home], {
    cwd: resolve(import.meta.dirname, '../..'),
    stdio: ['pipe', 'pipe', 'inherit'],
    ...options,
  });
  owners.push(owner);
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  return { owner, said: JSON.parse(String(line)) };
}

async function killOwner(owner: ChildProcess): Promise<void> {
  if (owner.exitCode !== null || owner.signalCode !== null) return;
  owner.kill('SIGKILL');
  await once(owner, 'exit');
}

/** Living processes whose working directory is the data folder: the server and its children. */
async function listServers(): Promise<readonly number[]> {
  return listPostgresOf(join(home, 'postgres', 'data'));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setTimeout(done, 10));
}

async function readSettings(url: string): Promise<Record<string, string>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings',
  );
  await client.end();
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

test('from nothing, makes its data at the first start and finds it at the second', async () => {
  await mkdir(join(home, 'postgres', 'making-broken'), { recursive: true });
  const options = { home, logger, version: 'test' };
  const first = await openStore(options);
  expect(first.info).toEqual({ kind: 'embedded', version: '18.4', role: 'drawbridge_app' });
  await first.db.insert(tenants).values({ id: '00000000-0000-7000-8000-000000000001', name: 'a' });
  await first.close();
  expect(await listServers()).toEqual([]);

  const second = await openStore(options);
  expect(await second.db.select({ name: tenants.name }).from(tenants)).toEqual([{ name: 'a' }]);
  await second.close();
  await second.close();
  expect((await readdir(join(home, 'postgres'))).sort()).toEqual([
    'data',
    'lock',
    'password',
    'postgres.log',
  ]);
});

test('listens on a closed socket only, asks for a password, and is durable', async () => {
  const server = await createEmbeddedServer({ home, logger });
  try {
    expect(await readSettings(server.url)).toMatchObject({
      listen_addresses: '',
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '4096',
      max_connections: '60',
      jit: 'off',
      io_method: 'sync',
      password_encryption: 'scram-sha-256',
    });
    const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
    await expect(readSettings(wrong)).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(home, 'postgres', 'data'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, 'postgres', 'data', 'pg_hba.conf'), 'utf8')).not.toMatch(
      /^[^#]*trust/m,
    );
  } finally {
    await server.close();
  }
});

// Holds: log/survives-kill
test('leaves no process behind when its bridge is killed, and the next start has every commit', async () => {
  const { owner, said } = await startOwner();
  expect(said).toMatchObject({ ok: true });
  expect((await listServers()).length).toBeGreaterThan(3);
  await killOwner(owner);
  await until(async () => (await listServers()).length === 0);

  const store = await openStore({ home, logger, version: 'test' });
  expect(await store.db.select({ name: tenants.name }).from(tenants)).toEqual([{ name: 'kept' }]);
  await store.close();
});

test('starts at once after its bridge was killed, also while the old server still ends', async () => {
  for (let round = 0; round < 2; round += 1) {
    const { owner, said } = await startOwner();
    expect(said).toMatchObject({ ok: true });
    await killOwner(owner);
  }
  expect((await startOwner()).said).toMatchObject({ ok: true });
});

test('refuses a second bridge in one home and names the first, which ends cleanly', async () => {
  const { owner } = await startOwner();
  const { said } = await startOwner();
  expect(said).toMatchObject({ ok: false, code: 'home/locked' });
  expect(said['message']).toContain(`pid ${owner.pid}, http://127.0.0.1:1`);
  expect((await listServers()).length).toBeGreaterThan(3);

  owner.stdin?.end();
  expect(await once(owner, 'exit')).toEqual([0, null]);
  expect(await listServers()).toEqual([]);
  expect(await readdir(home)).not.toContain('bridge.json');
});

test('comes back when its server is killed, and queries made meanwhile succeed', async () => {
  const store = await openStore({ home, logger, version: 'test' });
  const heard: string[] = [];
  const isUp = new Promise<void>((resolve) => {
    store.onDown(() => heard.push('down'));
    store.onUp(() => {
      heard.push('up');
      resolve();
    });
  });
  const pid = Number(
    (await readFile(join(home, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0],
  );
  process.kill(pid, 'SIGKILL');
  await until(async () => !isAlive(pid));
  // A connection that died with the server is found out by its first use.
  await store.db.execute(sql`select 1`).catch(() => undefined);
  const { rows } = await store.db.execute(sql`select 1 as one`);
  expect(rows).toEqual([{ one: 1 }]);
  await isUp;
  expect(heard).toEqual(['down', 'up']);
  expect(await store.health()).toEqual({ ok: true, detail: 'PostgreSQL 18.4' });
  await store.close();
  expect(await listServers()).toEqual([]);
});

test('says that the store is unavailable while its server cannot be started, and recovers', async () => {
  const store = await openStore({ home, logger, version: 'test', timeoutMs: 300 });
  const data = join(home, 'postgres', 'data');
  const why = /^The database did not start \(exit code \d+\).*global/;
  const isDown = new Promise((resolve) => store.onDown(resolve));
  const isUp = new Promise<void>((resolve) => store.onUp(resolve));
  await rename(join(data, 'global'), join(data, 'hidden'));
  const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await isDown;
  await until(async () => !isAlive(pid));
  await store.db.execute(sql`select 1`).catch(() => undefined);
  await expect(store.db.execute(sql`select 1`)).rejects.toMatchObject({
    cause: { code: 'store/unavailable', message: expect.stringMatching(why) },
  });
  await expect(store.connect()).rejects.toThrow(why);
  expect(await store.health()).toEqual({ ok: false, detail: expect.stringMatching(why) });
  await rename(join(data, 'hidden'), join(data, 'global'));
  await isUp;
  expect(await store.health()).toMatchObject({ ok: true });
  await store.close();
});

test('takes over from a server that outlived its bridge', async () => {
  const dataFolder = join(home, 'postgres', 'data');
  const launcher = createLauncher(await findAccount(dataFolder));
  const { postgres } = await findBinaries(launcher.account);
  const { settings } = await createAddress(dataFolder, launcher.account);
  const orphan = await startPostmaster({ postgres, launcher, dataFolder, settings });

  const server = await createEmbeddedServer({ home, logger });
  expect(isAlive(orphan.pid)).toBe(false);
  expect(server.pid()).not.toBe(orphan.pid);
  expect(await readSettings(server.url)).toMatchObject({ max_connections: '60' });
  await server.close();
});

// Holds: start/after-a-crash
test('a stale pid file is no obstacle, though another process has the number now', async () => {
  const data = join(home, 'postgres', 'data');
  const account = await findAccount(data);
  const other = spawn('sleep', ['60'], { ...account, stdio: 'ignore' });
  await once(other, 'spawn');
  const file = join(data, 'postmaster.pid');
  await writeFile(file, `${other.pid}\n${data}\n1\n5432\n.\n\n  1  1\nready   \n`, { mode: 0o600 });
  if (account !== undefined) await chown(file, account.uid, account.gid);

  const server = await createEmbeddedServer({ home, logger });
  await readSettings(server.url);
  await server.close();
  expect(isAlive(other.pid ?? 0)).toBe(true);
  other.kill('SIGKILL');
});

test('from nothing, works below a path too long for a socket, and leaves no socket folder', async () => {
  const before = await listSocketFolders();
  const deep = join(home, 'a'.repeat(60), 'b'.repeat(60));
  await mkdir(deep, { recursive: true });
  const server = await createEmbeddedServer({ home: deep, logger, fsync: false });
  await readSettings(server.url);
  const pid = server.pid() ?? 0;
  process.kill(pid, 'SIGKILL');
  await until(async () => ![undefined, pid].includes(server.pid()));
  await readSettings(server.url);
  await server.close();
  expect(await listSocketFolders()).toEqual(before);
});

async function listSocketFolders(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('drawbridge-socket-'));
}

test.runIf(isRoot)('from nothing, works the same for an ordinary user', async () => {
  await chown(home, 65_534, 65_534);
  const { owner, said } = await startOwner({ uid: 65_534, gid: 65_534 });
  expect(said).toEqual({ ok: true, user: 65_534 });
  expect((await stat(join(home, 'postgres', 'data'))).uid).toBe(65_534);
  await killOwner(owner);
  await until(async () => (await listServers()).length === 0);
  // Root goes on with the data of their owner, and the owner with what root left.
  for (const lock of ['lock', 'postgres/lock']) await rm(join(home, lock));
  const server = await createEmbeddedServer({ home, logger });
  await server.close();
  await until(async () => (await listServers()).length === 0);
  expect((await startOwner({ uid: 65_534, gid: 65_534 })).said).toMatchObject({ ok: true });
});

test.runIf(isRoot)('as root runs as another account, in a home closed to it', async () => {
  await chmod(home, 0o700);
  const server = await createEmbeddedServer({ home, logger });
  const { uid } = await stat(`/proc/${server.pid()}`);
  expect(uid).not.toBe(0);
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  await server.close();
});

test('from nothing, copies the binaries once to the first place that the account can enter', async () => {
  const folder = await findPackage(process.platform, process.arch);
  const account = { uid: 65_534, gid: 65_534 };
  const [closed, open] = [join(home, 'closed'), join(home, 'open')];
  await chmod(home, 0o755);
  await mkdir(closed, { mode: 0o700 });
  const copied = await copyForAccount(folder, account, [closed, open]);
  expect(copied).toBe(join(open, 'postgresql-18.4.0-beta.17'));
  const { mtimeMs } = await stat(copied);
  expect(await copyForAccount(folder, account, [closed, open])).toBe(copied);
  expect((await stat(copied)).mtimeMs).toBe(mtimeMs);
  const name = 'postgresql-18.4.0-beta.17';
  expect((await readdir(open)).sort()).toEqual([name, `${name}.lock`]);

  await expect(copyForAccount(folder, account, [closed])).rejects.toThrow(/DATABASE_URL/);
});

test('from nothing, of several starts one copies the binaries, also after one that was killed', async () => {
  const folder = await findPackage(process.platform, process.arch);
  const account = { uid: 65_534, gid: 65_534 };
  await chmod(home, 0o755);
  const place = join(home, 'open');
  const target = join(place, 'postgresql-18.4.0-beta.17');
  await mkdir(join(`${target}-killed`, 'native'), { recursive: true });
  const copies = Array.from({ length: 3 }, () => copyForAccount(folder, account, [place]));
  expect(await Promise.all(copies)).toEqual([target, target, target]);
  expect((await readdir(place)).sort()).toEqual([basename(target), `${basename(target)}.lock`]);
});

test('names DATABASE_URL where no PostgreSQL is shipped for the platform', async () => {
  await expect(findPackage('sunos', 'x64')).rejects.toMatchObject({
    code: 'store/start_failed',
    message: expect.stringMatching(/no PostgreSQL for sunos on x64.*DATABASE_URL/),
  });
});

test('stops also while its server is being started again', async () => {
  const server = await createEmbeddedServer({ home, logger });
  process.kill(server.pid() ?? 0, 'SIGKILL');
  await until(async () => server.pid() === undefined);
  await server.close();
  expect(await listServers()).toEqual([]);
});
