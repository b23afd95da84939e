import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { v7 as createId } from 'uuid';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createKeyStore } from '../../../src/store/key-store.ts';
import { createPrincipals } from '../../../src/principals/principals.ts';
import { createRunReader } from '../../../src/runs/reader.ts';
import { takeBackupLock } from '../../../src/store/backup/backup-lock.ts';
import { lockHome } from '../../../src/store/home-lock.ts';
import { openStore } from '../../../src/store/store.ts';
import { runCommand } from '../../cli/terminal-fixture.ts';
import {
  type LogDatabase,
  completed,
  createLogDatabase,
  logger,
  newRun,
  started,
  userId,
} from '../../runs/log-database.ts';
import { type TestDatabase, createTestDatabase } from '../../support/postgres.ts';

const TABLES = [
  'tenants',
  'users',
  'keys',
  'projects',
  'upstreams',
  'eras',
  'pins',
  'runs',
  'sessions',
  'run_events',
  'artifacts',
  'idempotency_keys',
];
/** Characters that COPY text escapes, and its own end in a line of its own. */
const AWKWARD = 'a\tb\\c\r\n\\.\n"quoted" \u{1F309} \u2028 \\N';

let folder: string;
let source: LogDatabase;
let file: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-backup-'));
  source = await createLogDatabase();
  await fill(source);
  file = join(folder, 'whole.backup');
  const { code, stderr } = await backup(source.url, file);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await source.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Some of everything: two days of runs, small and large bodies, awkward text, keys, a session. */
async function fill(db: LogDatabase): Promise<void> {
  const principals = await createPrincipals({ store: createKeyStore(db.store.db), createId });
  await principals.createKey(principals.tenantId, { name: AWKWARD, role: 'member' });
  for (const time of [Date.now() - 40 * 86_400_000, Date.now()]) {
    const { id: bridge, log } = await db.addBridge({ now: () => time });
    const { id } = await log.open(newRun(db.tenantId, { title: AWKWARD }));
    for (let call = 0; call < 50; call += 1) {
      await log.append(id, started(`${call}`));
      const text = call % 10 === 0 ? `${call}${AWKWARD.repeat(2_000)}` : AWKWARD;
      await log.append(id, completed(`${call}`, { content: [{ type: 'text', text }] }));
    }
    await log.end(id, 'completed');
    await db.upkeep.retire(bridge, false);
    await db.store.db.execute(sql`
      insert into sessions (id, tenant_id, run_id, user_id, view, protocol_version, client_info, capabilities)
      select ${createId()}, tenant_id, ${id}, id, '/mcp', '2025-11-25', ${JSON.stringify({ name: AWKWARD })}, '{}'
      from users where role = 'member'`);
  }
  await db.store.db.execute(sql`
    insert into projects (id, tenant_id, name, roots)
    values (${userId}, ${db.tenantId}, 'p', array['/a b', ${AWKWARD}])`);
}

function backup(url: string, path: string, ...more: string[]) {
  return runCommand(['backup', path, ...more], { cwd: folder, env: { DATABASE_URL: url } });
}

function restore(url: string, path: string, ...more: string[]) {
  return runCommand(['restore', path, ...more], { cwd: folder, env: { DATABASE_URL: url } });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Every row as text, without the transaction that wrote it. */
function readAll(url: string) {
  return withClient(url, async (client) => {
    const all: Record<string, string[]> = {};
    for (const table of TABLES) {
      const { rows } = await client.query<{ row: string }>(
        `select (to_jsonb(t) - 'tx')::text as row from ${table} t order by 1`,
      );
      all[table] = rows.map(({ row }) => row);
    }
    return all;
  });
}

function readPartitions(url: string) {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string; events: number }>(
      `select tableoid::regclass::text as name, count(*)::int as events from run_events group by 1 order by 1`,
    );
    return rows;
  });
}

async function createTarget({ empty = true } = {}): Promise<TestDatabase> {
  const database = await createTestDatabase({ empty });
  onTestFinished(() => database.drop());
  return database;
}

// Holds: log/append-only
test('a restored database holds the same rows, in the same partitions, and stays append-only', async () => {
  const target = await createTarget();
  expect(await restore(target.url, file)).toMatchObject({ code: 0, stderr: '' });
  const before = await readAll(source.url);
  expect(before['run_events']?.length).toBeGreaterThan(200);
  expect(before['artifacts']?.length).toBe(5);
  expect(await readAll(target.url)).toEqual(before);
  expect(await readPartitions(target.url)).toEqual(await readPartitions(source.url));
  await withClient(target.url, async (client) => {
    for (const statement of [
      `update run_events set type = 'x'`,
      'delete from run_events',
      'truncate run_events',
    ]) {
      await expect(client.query(statement)).rejects.toThrow(/append-only/);
    }
  });
  // A bridge takes it over as it is: nothing to migrate, its role, its readers.
  const store = await openStore({
    home: '/nonexistent',
    databaseUrl: target.url,
    logger,
    version: 'test',
  });
  onTestFinished(() => store.close());
  await expect(store.db.execute(sql`delete from run_events`)).rejects.toMatchObject({
    cause: { code: '42501' },
  });
});

test('a restored event is told by the live stream over all runs, in whatever cluster', async () => {
  const target = await createTarget();
  await restore(target.url, file);
  await withClient(target.url, async (client) => {
    const { rows } = await client.query(
      'select count(*)::int as hidden from run_events where tx >= pg_snapshot_xmin(pg_current_snapshot())',
    );
    expect(rows).toEqual([{ hidden: 0 }]);
  });
});

test('a reader’s place in a database with more transactions is refused after a restore', async () => {
  const reader = createRunReader(source.queries);
  const now = await reader.now();
  await reader.assertKept(source.tenantId, now);
  const ahead = now.replace(/^\d+/, (tx) => String(BigInt(tx) + 1_000_000n));
  await expect(reader.assertKept(source.tenantId, ahead)).rejects.toMatchObject({
    code: 'run/pruned',
  });
});

test('a backup is one moment of a log that is written meanwhile', async () => {
  const { id: bridge, log } = await source.addBridge();
  const { id } = await log.open(newRun(source.tenantId));
  let isWriting = true;
  const writing = (async () => {
    for (let call = 0; isWriting; call += 1) await log.append(id, started(`${call}`));
  })();
  const path = join(folder, 'meanwhile.backup');
  expect((await backup(source.url, path)).code).toBe(0);
  isWriting = false;
  await writing;
  await log.end(id, 'completed');
  await source.upkeep.retire(bridge, false);
  const target = await createTarget();
  expect((await restore(target.url, path)).code).toBe(0);
  await withClient(target.url, async (client) => {
    const { rows } = await client.query<{ last: number; events: number }>(
      `select last_seq as last, (select count(*)::int from run_events where run_id = id) as events
       from runs where id = $1`,
      [id],
    );
    expect(rows[0]?.events).toBe(rows[0]?.last);
  });
});

test('a database in use is replaced with --force only, and never under a bridge that works', async () => {
  const target = await createTarget({ empty: false });
  await withClient(target.url, async (client) => {
    await client.query(`insert into tenants (id, name) values ('${createId()}', 'mine')`);
    const refused = await restore(target.url, file);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('not empty');
    await client.query(
      `insert into bridges (id, pid, host, version) values ('${createId()}', 4711, 'far', 'v')`,
    );
    const busy = await restore(target.url, file, '--force');
    expect(busy.code).toBe(1);
    expect(busy.stderr).toContain('pid 4711 on far');
    await client.query(`update bridges set beat_at = now() - interval '1 minute'`);
  });
  expect((await restore(target.url, file, '--force')).code).toBe(0);
  const after = await readAll(target.url);
  expect(after['tenants']?.some((row) => row.includes('mine'))).toBe(false);
});

test.each([
  ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 40)],
  ['cut off and closed again', (bytes: Buffer) => gzipSync(gunzipSync(bytes).subarray(0, -90))],
  ['changed in a byte', (bytes: Buffer) => flip(bytes, bytes.length >> 1)],
  [
    'changed in a value',
    (bytes: Buffer) =>
      gzipSync(
        Buffer.from(
          gunzipSync(bytes).toString('latin1').replace('files__read', 'files__reaD'),
          'latin1',
        ),
      ),
  ],
  [
    'followed by more',
    (bytes: Buffer) => gzipSync(Buffer.concat([gunzipSync(bytes), Buffer.from('x\n')])),
  ],
  [
    'made without a table',
    (bytes: Buffer) =>
      reseal(
        gunzipSync(bytes)
          .toString('latin1')
          .replace(/\{"table":"eras".*?\n\\\.\n/s, ''),
      ),
  ],
])('a backup that was %s changes nothing', async (_what, change) => {
  const bytes = readFileSync(file);
  const path = join(folder, 'damaged.backup');
  const bad = change(bytes);
  expect(bad.equals(bytes)).toBe(false);
  writeFileSync(path, bad);
  const target = await createTarget({ empty: false });
  const before = await readAll(target.url);
  const { code, stderr } = await restore(target.url, path, '--force');
  expect([code, stderr]).toEqual([1, expect.stringContaining('The backup is damaged')]);
  expect(await readAll(target.url)).toEqual(before);
});

/** With the checksum that a text has now. */
function reseal(text: string): Buffer {
  const body = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
  const sha256 = createHash('sha256').update(body, 'latin1').digest('hex');
  return gzipSync(Buffer.from(`${body}${JSON.stringify({ sha256 })}\n`, 'latin1'));
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

test.each([
  ['newer Drawbridge', (text: string) => text.replace('"version":1', '"version":2')],
  ['newer Drawbridge', (text: string) => text.replace('0001-initial', '0009-later')],
  ['no backup', (text: string) => text.replace('drawbridge-backup', 'something-else')],
])('a file that is of a %s is refused and named as such', async (words, change) => {
  const path = join(folder, 'foreign.backup');
  const text = gunzipSync(readFileSync(file)).toString('latin1');
  writeFileSync(path, gzipSync(Buffer.from(change(text), 'latin1')));
  const target = await createTarget();
  const { code, stderr } = await restore(target.url, path);
  expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
});

test('what is no gzip at all is no backup', async () => {
  const path = join(folder, 'plain.txt');
  writeFileSync(path, 'hello');
  const { stderr } = await restore((await createTarget()).url, path);
  expect(stderr).toContain('no backup');
});

test('a file is not overwritten by chance, is its owner’s alone, and leaves no draft', async () => {
  const refused = await backup(source.url, file);
  expect(refused).toMatchObject({ code: 2 });
  expect((await backup(source.url, file, '--force')).code).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).filter((name) => /backup\./.test(name))).toEqual([]);
});

test('the draft of a killed backup goes with the next one, and one being written stays', async () => {
  const drafts = join(folder, 'drafts');
  mkdirSync(drafts);
  const [dead, written] = ['dead', 'written'].map((name) =>
    join(drafts, `${name}.backup.${2 ** 22 + 1}.0123abcd.draft`),
  );
  writeFileSync(dead ?? '', 'cut off');
  writeFileSync(join(drafts, 'mine.draft'), 'not a backup');
  const writer = spawn('flock', [written ?? '', 'sh', '-c', 'echo begun; exec sleep 600']);
  onTestFinished(() => void writer.kill('SIGKILL'));
  await once(writer.stdout, 'data');
  expect((await backup(source.url, join(drafts, 'next.backup'))).code).toBe(0);
  expect(readdirSync(drafts).sort()).toEqual([
    'mine.draft',
    'next.backup',
    basename(written ?? ''),
  ]);
});

test('while a backup is made, no day of the log is dropped', async () => {
  await withClient(source.url, async (client) => {
    await takeBackupLock(client);
    await expect(source.store.dropEventsBefore(new Date(0))).rejects.toThrow(/backup/);
  });
  await expect(source.store.dropEventsBefore(new Date(0))).resolves.toEqual([]);
});

test('the home’s own database is backed up while its bridge runs and while it does not', async () => {
  const home = join(folder, 'home');
  const env = {};
  const lock = await lockHome(home);
  const store = await openStore({ home, logger, version: 'test' });
  const principals = await createPrincipals({ store: createKeyStore(store.db), createId });
  await principals.createKey(principals.tenantId, { name: 'mine', role: 'member' });
  for (const name of ['secret', 'token']) writeFileSync(join(home, name), `the ${name}\n`);

  const running = join(folder, 'running.backup');
  const ran = await runCommand(['backup', running, '--home', home, '--with-secrets'], { env });
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('keys of this home') });
  const busy = await runCommand(['restore', running, '--home', home, '--force'], { env });
  expect(busy).toMatchObject({ code: 3, stderr: expect.stringContaining('already runs') });
  await store.close();
  lock.release();

  const stopped = join(folder, 'stopped.backup');
  expect(await runCommand(['backup', stopped, '--home', home], { env })).toMatchObject({ code: 0 });
  const rowsOf = (path: string) =>
    gunzipSync(readFileSync(path)).toString().split('\n').slice(1, -2);
  expect(rowsOf(stopped)).toEqual(rowsOf(running));
  expect(gunzipSync(readFileSync(stopped)).toString()).not.toContain('the secret');

  const other = join(folder, 'other');
  const restored = await runCommand(['restore', running, '--home', other, '--json'], { env });
  expect(JSON.parse(restored.stdout)).toMatchObject({
    rows: { keys: 1 },
    files: ['secret', 'token'],
  });
  expect(readFileSync(join(other, 'secret'), 'utf8')).toBe('the secret\n');
  expect(statSync(join(other, 'token')).mode & 0o777).toBe(0o600);
  writeFileSync(join(other, 'token'), 'another\n');
  const lost = await runCommand(['restore', running, '--home', other], { env });
  expect(lost).toMatchObject({ code: 1, stderr: expect.stringContaining('token') });
}, 60_000);

test('a home without a database has nothing to back up', async () => {
  const { code, stderr } = await runCommand(['backup', 'x.backup'], { cwd: folder });
  expect([code, stderr]).toEqual([1, expect.stringContaining('has no database')]);
});
